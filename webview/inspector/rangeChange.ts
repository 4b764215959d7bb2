/** What applying a range would do to the plan. Pure. */
import {
  fixedRangeOf,
  integerFormatOf,
  withFixedRange,
  withoutFixedRange,
} from '../../src/core/quant/fixedRange';
import { formatText, parseFormat, type LayerFormat } from '../../src/core/quant/layerFormat';
import type { Range } from '../../src/core/quant/scheme';
import type { ErrorSplitCurve } from '../../src/core/rangeResults';
import type { PlanView } from '../../src/shared/viewRpc';
import { rangeAt, rangeText } from '../charts/rangeText';

/** A fixed range that the plan has, or could have. */
export type RangeChange =
  | { readonly kind: 'scheme'; readonly label: string; readonly scheme: string }
  | {
      readonly kind: 'value';
      readonly label: string;
      readonly value: string;
      readonly range: Range | null;
    };

/** Gives the plan this threshold. @returns undefined where it has it already, or cannot have it. */
export function applied(
  curve: ErrorSplitCurve,
  scheme: string,
  plan: Pick<PlanView, 'fixedRanges'>,
  threshold: number,
): RangeChange | undefined {
  if (curve.whyNotFixed !== null) return undefined;
  if (curve.of === 'weight') {
    const target = integerFormatOf(plannedFormat(scheme), curve.bits);
    const next = target && formatText(withFixedRange(target, threshold));
    return next === undefined || next === scheme
      ? undefined
      : { kind: 'scheme', label: `Apply ${next}`, scheme: next };
  }
  const range = rangeAt(curve, threshold);
  const now = fixedOf(plan, curve.value);
  if (now?.min === range.min && now.max === range.max) return undefined;
  return {
    kind: 'value',
    label: `Apply ${rangeText(curve, threshold)}`,
    value: curve.value,
    range,
  };
}

/** Leaves the range to the plan's rule again. @returns undefined where it is not fixed. */
export function released(
  curve: ErrorSplitCurve,
  scheme: string,
  plan: Pick<PlanView, 'fixedRanges'>,
): RangeChange | undefined {
  if (!plannedRange(curve, scheme, plan)) return undefined;
  if (curve.of !== 'weight') {
    return { kind: 'value', label: 'Choose by Calibration', value: curve.value, range: null };
  }
  const next = formatText(withoutFixedRange(plannedFormat(scheme)));
  return { kind: 'scheme', label: `Back to ${next}`, scheme: next };
}

/** The range that the plan fixes, as it is written: with zero; undefined where it fixes none of these codes. */
export function plannedRange(
  { of, bits, value, symmetric }: ErrorSplitCurve,
  scheme: string,
  plan: Pick<PlanView, 'fixedRanges'>,
): Range | undefined {
  if (of === 'weight') {
    const format = plannedFormat(scheme);
    const fixed = integerFormatOf(format, bits) === format ? fixedRangeOf(format) : undefined;
    return fixed === undefined ? undefined : { min: -fixed, max: fixed };
  }
  const fixed = fixedOf(plan, value);
  if (!fixed) return undefined;
  const { min, max } = fixed;
  const reach = Math.max(-min, max);
  return symmetric ? { min: -reach, max: reach } : { min: Math.min(0, min), max: Math.max(0, max) };
}

function fixedOf({ fixedRanges }: Pick<PlanView, 'fixedRanges'>, value: string) {
  return Object.hasOwn(fixedRanges, value) ? fixedRanges[value] : undefined;
}

function plannedFormat(scheme: string): LayerFormat {
  const format = parseFormat(scheme);
  return 'mistake' in format ? { scheme: 'float' } : format;
}
