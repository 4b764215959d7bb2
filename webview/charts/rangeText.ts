/** What is said of ranges, in words. Pure. */
import type { Range } from '../../src/core/quant/scheme';
import type { ErrorSplitCurve } from '../../src/core/rangeResults';
import { formatInteger, plural } from '../../src/shared/format';
import type { CurvePoint } from './errorSplitScales';

/** The part of a curve that says what a threshold stands for. */
type Reach = Pick<ErrorSplitCurve, 'symmetric' | 'extremes'>;

/** Digits in which the plan says what a range is. */
const RANGE_DIGITS = 6;

/** What of ±a the values reach into; zero always belongs to it. */
export function rangeAt({ symmetric, extremes }: Reach, threshold: number): Range {
  const a = Number(threshold.toPrecision(RANGE_DIGITS));
  if (symmetric) return { min: -a, max: a };
  return { min: Math.min(0, Math.max(-a, extremes.min)), max: Math.max(0, Math.min(a, extremes.max)) };
}

/** `±0.312`, or `-0.2 to 0.312`. */
export function rangeText(curve: Reach, threshold: number): string {
  return curve.symmetric ? `±${shortNumber(threshold)}` : spanText(rangeAt(curve, threshold));
}

/** The range of a point, which need not be one of the curve's. */
export function pointText(
  curve: Reach,
  { threshold, range }: Pick<CurvePoint, 'threshold' | 'range'>,
): string {
  return range && !curve.symmetric ? spanText(range) : rangeText(curve, threshold);
}

function spanText({ min, max }: Range): string {
  return `${shortNumber(min)} to ${shortNumber(max)}`;
}

/** Four digits: as the steps of the handle are told apart. */
function shortNumber(value: number): string {
  const magnitude = Math.abs(value);
  return magnitude !== 0 && (magnitude < 1e-3 || magnitude >= 1e6)
    ? value.toExponential(3)
    : Number(value.toPrecision(4)).toString();
}

/** `percentile:99.99` reads as `99.99 %`. */
export function ruleLabel(rule: string): string {
  const percentile = /^percentile:(.+)$/.exec(rule)?.[1];
  if (percentile !== undefined) return `${percentile} %`;
  return rule === 'mse' ? 'MSE' : rule;
}

/** SQNR from a relative error in dB; null: no error. */
export function sqnrText(totalDb: number | null): string {
  return totalDb === null ? 'exact' : `${(-totalDb).toFixed(1)} dB`;
}

export function codesText(codes: number, { possible, method }: ErrorSplitCurve): string {
  return `${method === 'exact' ? '' : 'about '}${formatInteger(codes)} of ${formatInteger(possible)}`;
}

/** What the values become: `int8`, `5 bits`, `values of lut16`. */
export function codesName({ type, bits, table }: Pick<ErrorSplitCurve, 'type' | 'bits' | 'table'>): string {
  return table === null ? (type ?? `${bits} bits`) : `values of ${table}`;
}

/** What the figures are of. */
export function basisText(curve: ErrorSplitCurve): string {
  const { of, method, stride, elements, samples, random, isFolded } = curve;
  const codes = codesName(curve);
  const folded = isFolded ? ', normalization folded in' : '';
  if (of === 'weight') {
    const all = `${plural(elements, 'weight')}${folded}`;
    const basis = method === 'exact' ? `${all}, exact` : `one in ${stride} of ${all}, with the extremes`;
    const shared = curve.table === null ? 'one range' : 'one table';
    return `Error power over weight power, ${codes}, ${shared} for all channels; ${basis}.`;
  }
  const drawn = random ? 'random inputs' : 'calibration slice';
  return (
    `Error power over signal power, ${codes}; from a histogram of ${plural(samples ?? 0, 'sample')} ` +
    `(${drawn}, ${formatInteger(elements)} values).`
  );
}

/** `weight`, `input` or `output`, with its name. */
export function whatOf({ of, value }: ErrorSplitCurve): string {
  return of === 'weight' ? value : `the ${of} ${value}`;
}

/** Axis titles. */
export function axisTitle({ symmetric }: Reach): string {
  return symmetric ? 'range ±a' : 'reach of the range';
}
