import { controlRules } from './control';
import { creationRules } from './creation';
import { elementwiseRules } from './elementwise';
import type { Rule } from './facts';
import { layoutRules } from './layout';
import { productRules } from './products';
import { quantizationRules } from './quantization';
import { reductionRules } from './reduction';
import { selectionRules } from './selection';
import { windowRules } from './windows';

/** Propagation rules by operator, `domain:Name` outside the default domain. */
const rules: ReadonlyMap<string, Rule> = new Map(
  [
    windowRules,
    productRules,
    elementwiseRules,
    layoutRules,
    selectionRules,
    reductionRules,
    creationRules,
    quantizationRules,
    controlRules,
  ].flatMap((family) => Object.entries(family)),
);

export function ruleFor(operator: string): Rule | undefined {
  return rules.get(operator);
}
