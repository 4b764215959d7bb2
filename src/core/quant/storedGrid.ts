/** The grids of weights as they are stored: what the runtime computes from each code. */
import { roundHalfEven } from './affine';
import type { WeightCodebook } from './codebook';
import { codeRange } from './integerTypes';
import type { SliceParams } from './integerWeight';
import { countUpTo } from './kmeans';
import { sliceFinder, type SliceLayout } from './layouts';
import type { IntegerTypeName } from './scheme';
import type { WeightGrid } from './weightGrid';

/** (code − zeroPoint) · scale of each slice, rounded as `integerCodes` does. @param reduceRange leaves out the codes of the last bit. */
export function integerStoredGrid(
  layout: SliceLayout,
  params: SliceParams,
  type: IntegerTypeName,
  reduceRange = false,
): WeightGrid {
  return new IntegerStoredGrid(
    sliceFinder(layout),
    params,
    codeRange(type, { symmetric: false, reduceRange }),
  );
}

/** Values of the tables times the stored scale of each channel, found as `codebookIndices` does. */
export function codebookStoredGrid(fitted: WeightCodebook): WeightGrid {
  return new CodebookStoredGrid(sliceFinder(fitted.layout), fitted);
}

class IntegerStoredGrid implements WeightGrid {
  private readonly scales: Float32Array;
  private readonly zeroPoints: Int32Array;
  private readonly min: number;
  private readonly max: number;

  constructor(
    private readonly sliceAt: (at: number) => number,
    { scales, zeroPoints }: SliceParams,
    [min, max]: readonly [min: number, max: number],
  ) {
    this.scales = scales;
    this.zeroPoints = zeroPoints;
    this.min = min;
    this.max = max;
  }

  codeOf(at: number, value: number): number {
    const slice = this.sliceAt(at);
    const quotient = Math.fround(value / (this.scales[slice] as number));
    const code = roundHalfEven(quotient) + (this.zeroPoints[slice] as number);
    return code < this.min ? this.min : code > this.max ? this.max : code;
  }

  valueOf(at: number, code: number): number {
    const slice = this.sliceAt(at);
    return Math.fround((code - (this.zeroPoints[slice] as number)) * (this.scales[slice] as number));
  }
}

class CodebookStoredGrid implements WeightGrid {
  private readonly tables: readonly Float32Array[];
  private readonly thresholds: readonly Float64Array[];
  private readonly scales: Float32Array;
  private readonly group: number;

  constructor(
    private readonly channelAt: (at: number) => number,
    { codebooks, group, layout, scales, storedScales = scales }: WeightCodebook,
  ) {
    this.tables = codebooks.map(({ values }) => values);
    this.thresholds = codebooks.map(({ thresholds }) => thresholds);
    this.scales = storedScales ?? new Float32Array(layout.channels).fill(1);
    this.group = group;
  }

  codeOf(at: number, value: number): number {
    const channel = this.channelAt(at);
    const thresholds = this.thresholds[Math.floor(channel / this.group)] as Float64Array;
    return countUpTo(thresholds, Math.fround(value / (this.scales[channel] as number)));
  }

  valueOf(at: number, code: number): number {
    const channel = this.channelAt(at);
    const table = this.tables[Math.floor(channel / this.group)] as Float32Array;
    return Math.fround((table[code] as number) * (this.scales[channel] as number));
  }
}
