import type { Plan } from '../plan/types';
import { activationTypeOf } from '../rewrite/activationTypes';
import type { TargetOf } from './chooseRanges';

/** What the ranges of a plan's activations are for. */
export function activationTargets(plan: Plan): TargetOf {
  const { tensors = {} } = plan;
  return (value) => {
    const override = Object.hasOwn(tensors, value) ? tensors[value] : undefined;
    const symmetric = override?.symmetric ?? plan.activationSymmetric ?? false;
    return {
      ...(override?.range && { rule: override.range }),
      narrow: { type: activationTypeOf(plan, 'w8a8'), symmetric },
      wide: { type: activationTypeOf(plan, 'w8a16'), symmetric },
    };
  };
}
