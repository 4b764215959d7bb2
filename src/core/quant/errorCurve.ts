import type { Parts } from '../inParts';
import type { ErrorParts, MeasuredParts } from './errorGrid';

/** Clipping and rounding error over range thresholds. */
export interface CurvePoints {
  /** Ascending, log-spaced; up to max |x|, or to a rule that puts the range beyond. Empty for a tensor of zeros. */
  readonly thresholds: number[];
  /** At each threshold; clipping and rounding together are the error of quantizing. */
  readonly clipping: number[];
  readonly rounding: number[];
  /** At each threshold: how many numbers of the grid some value becomes. */
  readonly codes: number[];
}

/** Which thresholds are told. */
export interface CurveOptions {
  /**
   * How many thresholds, spaced evenly on a log scale from where half of the energy is lost. When absent, 64 from where more than
   * that is.
   */
  readonly steps?: number;
  /** Thresholds to tell as well. */
  readonly also?: readonly number[];
  /** Those of the markers are told as well, and the one with the least error. */
  readonly atMarkers?: boolean;
}

/** Of a tensor of zeros. */
export const NO_POINTS: CurvePoints = { thresholds: [], clipping: [], rounding: [], codes: [] };

/** What a curve is measured of. */
export interface CurveSource {
  /** Greatest magnitude. */
  readonly max: number;
  /** Mean magnitude of the values that are not zero. */
  readonly mean: number;
  readonly errorAt: (threshold: number) => MeasuredParts;
}

const THRESHOLDS = 64;
/**
 * Of the mean magnitude. Where the error is least, a = Σ|x|·t / Σt², t being the magnitudes of the codes in units of a: at most 1 and
 * greater for greater values, so that a is the mean magnitude or more. Here clipping alone takes more than half of the energy.
 */
const LEAST_SHARE = 1 / 4;
/** Fewer significant digits than this would move the end of a range visibly; more cannot be read. */
const THRESHOLD_DIGITS = 4;
/** Steps of the finer search for the least error, between the neighbours of the best threshold. */
const REFINEMENTS = 16;

interface CurvePoint {
  readonly threshold: number;
  readonly parts: MeasuredParts;
}

/** The error over thresholds. */
export class ErrorCurve {
  private constructor(
    private readonly source: CurveSource,
    private readonly points: readonly CurvePoint[],
    /** The threshold with the least error, refined between its neighbours. */
    readonly least: number,
  ) {}

  static *measure(source: CurveSource): Parts<ErrorCurve> {
    const { max, mean, errorAt } = source;
    const points = yield* measured(logSpaced(mean * LEAST_SHARE, max, THRESHOLDS), errorAt);
    return new ErrorCurve(source, points, yield* leastError(points, errorAt, max));
  }

  /** The thresholds that are asked for, ascending. @param marked by rules. @param energy of the values. */
  *pointsWith(
    marked: readonly number[],
    energy: number,
    { steps, also = [], atMarkers = false }: CurveOptions,
  ): Parts<CurvePoints> {
    const { max, errorAt } = this.source;
    const base =
      steps === undefined
        ? this.points
        : yield* measured(logSpaced(this.usefulFrom(marked, energy), max, steps), errorAt);
    const known = new Set(base.map(({ threshold }) => threshold));
    const others = new Set([...also.filter((a) => a <= max), ...(atMarkers ? [...marked, this.least] : [])]);
    const added = [...others].filter((a) => a > 0 && !known.has(a));
    const all = [...base, ...(yield* measured(added, errorAt))];
    all.sort((a, b) => a.threshold - b.threshold);
    return {
      thresholds: all.map(({ threshold }) => threshold),
      clipping: all.map(({ parts }) => parts.clipping),
      rounding: all.map(({ parts }) => parts.rounding),
      codes: all.map(({ parts }) => parts.codes),
    };
  }

  /** Below, a range loses more than half of the energy. Markers lie above, and the best range well above. */
  private usefulFrom(marked: readonly number[], energy: number): number {
    const useless = this.points.filter(
      ({ threshold, parts }) => threshold < this.least && parts.clipping + parts.rounding > energy / 2,
    );
    const limits = [useless.at(-1)?.threshold ?? 0, this.least / 4, ...marked.map((a) => a * 0.8)];
    return Math.max(this.points[0]?.threshold ?? 0, Math.min(...limits));
  }
}

function* measured(
  thresholds: readonly number[],
  errorAt: (threshold: number) => MeasuredParts,
): Parts<CurvePoint[]> {
  const points: CurvePoint[] = [];
  for (const threshold of thresholds) {
    points.push({ threshold, parts: errorAt(threshold) });
    yield;
  }
  return points;
}

function* leastError(
  points: readonly CurvePoint[],
  errorAt: (threshold: number) => MeasuredParts,
  max: number,
): Parts<number> {
  const total = (part: ErrorParts | undefined): number => (part ? part.clipping + part.rounding : Infinity);
  let best = 0;
  for (let i = 1; i < points.length; i++) {
    if (total(points[i]?.parts) < total(points[best]?.parts)) best = i;
  }
  let threshold = points[best]?.threshold ?? max;
  let error = total(points[best]?.parts);
  const from = points[Math.max(0, best - 1)]?.threshold ?? threshold;
  const to = points[Math.min(points.length - 1, best + 1)]?.threshold ?? threshold;
  for (let i = 1; i < REFINEMENTS; i++) {
    const a = from + ((to - from) * i) / REFINEMENTS;
    const candidate = total(errorAt(a));
    yield;
    if (candidate >= error) continue;
    error = candidate;
    threshold = a;
  }
  return threshold;
}

/** Ascending; all but the last in as few digits as people write. */
function logSpaced(from: number, to: number, count: number): number[] {
  const ratio = Math.log(to / from) / (count - 1);
  return Array.from({ length: count }, (_, i) =>
    i === count - 1 ? to : Number((from * Math.exp(ratio * i)).toPrecision(THRESHOLD_DIGITS)),
  );
}
