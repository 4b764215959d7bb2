import type { GraphIndex } from '../graph/graphIndex';
import type { ProfiledKernel } from '../ports';

/** Kernels that only change how a value is stored: its numbers, or the order of its axes. */
export type Conversion =
  'QuantizeLinear' | 'DequantizeLinear' | 'Transpose' | 'ReorderInput' | 'ReorderOutput';

const conversions: ReadonlySet<string> = new Set<Conversion>([
  'QuantizeLinear',
  'DequantizeLinear',
  'Transpose',
  'ReorderInput',
  'ReorderOutput',
]);

export function isConversion(op: string): op is Conversion {
  return conversions.has(op);
}

/** How the kernels of a layer read and write values. */
export type Domain =
  /** Integers, channels last. */
  | 'integer'
  /** Floats between Q/DQ pairs that nothing absorbed. */
  | 'simulated'
  /** Floats in blocks of channels. */
  | 'blocked'
  /** Floats as the file has them. */
  | 'plain';

/** Microseconds of one kernel: `fixed + perElement × elements`. */
export interface ConversionTime {
  readonly fixed: number;
  readonly perElement: number;
}

export type ConversionTimes = ReadonlyMap<Conversion, ConversionTime>;

/** What a kernel of a conversion took. */
export interface ConversionSample {
  readonly op: Conversion;
  readonly elements: number;
  readonly microseconds: number;
}

/** The conversions of activations in a profile: those of weights are work of their layers. */
export function conversionSamples(kernels: readonly ProfiledKernel[], index: GraphIndex): ConversionSample[] {
  const { main } = index;
  return kernels.flatMap(({ name, op, microseconds, outputElements: elements }) => {
    if (!isConversion(op)) return [];
    const input = index.nodeNamed(name)?.node.input[0];
    const isOfWeight = main !== undefined && input !== undefined && index.constant(main, input) !== undefined;
    return isOfWeight ? [] : [{ op, elements, microseconds }];
  });
}

/** A line through the samples of each conversion, by least squares, neither part of it negative. */
export function fitConversions(samples: readonly ConversionSample[]): ConversionTimes {
  const byOp = new Map<Conversion, ConversionSample[]>();
  for (const sample of samples) byOp.set(sample.op, [...(byOp.get(sample.op) ?? []), sample]);
  return new Map([...byOp].map(([op, each]) => [op, lineThrough(each)]));
}

function lineThrough(samples: readonly ConversionSample[]): ConversionTime {
  const mean = (of: (sample: ConversionSample) => number): number =>
    samples.reduce((sum, sample) => sum + of(sample), 0) / samples.length;
  const [x, y] = [mean(({ elements }) => elements), mean(({ microseconds }) => microseconds)];
  const variance = mean(({ elements }) => (elements - x) ** 2);
  const covariance = mean(({ elements, microseconds }) => (elements - x) * (microseconds - y));
  const slope = variance > 0 ? Math.max(0, covariance / variance) : 0;
  const fixed = y - slope * x;
  return fixed >= 0 ? { fixed, perElement: slope } : { fixed: 0, perElement: x > 0 ? y / x : 0 };
}

/** The conversions that stand between two layers; none between layers of one domain. */
export function conversionsBetween(from: Domain, to: Domain, rank: number): readonly Conversion[] {
  if (from === to) return [];
  // Integer kernels keep images with their channels last.
  const turn: readonly Conversion[] = rank > 2 ? ['Transpose'] : [];
  const leave: readonly Conversion[] = from === 'blocked' ? ['ReorderOutput'] : [];
  const enter: readonly Conversion[] = to === 'blocked' ? ['ReorderInput'] : [];
  switch (to) {
    case 'integer':
      return from === 'simulated' ? ['QuantizeLinear', ...turn] : [...leave, 'QuantizeLinear', ...turn];
    case 'simulated':
      return from === 'integer'
        ? [...turn, 'DequantizeLinear', 'QuantizeLinear', 'DequantizeLinear']
        : [...leave, 'QuantizeLinear', 'DequantizeLinear'];
    default:
      // What leaves a simulated layer has been dequantized there.
      return from === 'integer' ? [...turn, 'DequantizeLinear', ...enter] : [...leave, ...enter];
  }
}

/** Microseconds of the conversions between two layers. */
export function borderTime(
  times: ConversionTimes,
  from: Domain,
  to: Domain,
  { elements, rank }: { readonly elements: number; readonly rank: number },
): number {
  return conversionsBetween(from, to, rank).reduce((sum, op) => {
    const time = times.get(op);
    return sum + (time ? time.fixed + time.perElement * elements : 0);
  }, 0);
}
