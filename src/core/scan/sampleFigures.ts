import { asNumbers } from '../calibrate/floats';
import { RoundoffError } from '../errors';
import type { OutputDescription } from '../graph/types';
import type { Feeds, RuntimeTensor, Sample } from '../ports';
import { classLayout, positions, topClass, type ClassLayout } from '../quant/classes';
import { klOfLogits, klOfProbabilities } from '../quant/divergence';
import { ErrorAccumulator } from '../quant/metrics';

/** Σ(x − y)² and Σx² of one value over one sample. */
export type NoiseAndSignal = readonly [noise: number, signal: number];

/** What one sample tells about one trial. Plain JSON: caches keep it. */
export interface SampleFigures {
  /** KL(float ‖ trial) in nats, summed over the outputs with classes. */
  readonly divergence: number;
  /** Of each float output, in the order of the model; where there is none, of each output of whole numbers. */
  readonly errors: readonly NoiseAndSignal[];
  /** Which of `errors` are of outputs without classes. */
  readonly values: readonly number[];
  /** Share of top classes that are the float model's; null: no classes. */
  readonly agreement: number | null;
  /** Shares of right top classes of the first output with classes, float and trial; null: no label fits. */
  readonly accuracy: readonly [float: number, trial: number] | null;
  /** At the layer's own output; null: not looked at. */
  readonly local: NoiseAndSignal | null;
}

export function givesClasses({ kind, classAxis }: OutputDescription): boolean {
  return kind !== 'values' && classAxis !== undefined;
}

/**
 * Compares one sample of a trial with the float model. Outputs of whole numbers (indices, sizes) count only when the model has
 * no others.
 * @throws RoundoffError when the trial's output is missing, of another shape, or not finite, or none is made of numbers.
 */
export function compareSample(
  outputs: readonly OutputDescription[],
  reference: Feeds,
  trial: Feeds,
  label?: Sample['label'],
): Omit<SampleFigures, 'local'> {
  let divergence = 0;
  const errors: NoiseAndSignal[] = [];
  const values: number[] = [];
  const agreements: number[] = [];
  let accuracy: SampleFigures['accuracy'] = null;
  const hasFloats = outputs.some(({ name }) => isFloat(reference[name]));
  for (const output of outputs) {
    const [expected, given] = [reference[output.name], trial[output.name]];
    if (!expected || !given) throw new RoundoffError(`The trial has no output "${output.name}".`);
    if (hasFloats && !isFloat(expected)) continue;
    const [x, y] = [asNumbers(expected), asNumbers(given)];
    if (!x || !y) continue;
    // Also checks shape and finiteness for class outputs.
    const error = noiseOf(output.name, x, y);
    if (!givesClasses(output)) values.push(errors.length);
    errors.push(error);
    if (!givesClasses(output)) continue;
    const layout = classLayout(expected.dims, output.classAxis ?? 1);
    if (error[0] > 0) divergence += divergenceOf(output, layout, x, y);
    const [best, chosen] = [topClasses(x, layout), topClasses(y, layout)];
    agreements.push(shareOf(best, (top, position) => top === chosen[position]));
    accuracy ??= accuraciesOf(best, chosen, label);
  }
  if (errors.length === 0) throw new RoundoffError('No output of the model is made of numbers to compare.');
  const agreement = agreements.length > 0 ? mean(agreements) : null;
  return { divergence, errors, values, agreement, accuracy };
}

function isFloat(tensor: RuntimeTensor | undefined): boolean {
  return tensor?.type.startsWith('float') ?? false;
}

/** @param name what messages call the value. */
export function noiseOf(name: string, x: ArrayLike<number>, y: ArrayLike<number>): NoiseAndSignal {
  let [noise, signal] = [0, 0];
  for (let i = 0; i < x.length; i++) {
    const value = x[i] as number;
    const difference = value - (y[i] as number);
    noise += difference * difference;
    signal += value * value;
  }
  if (x.length === y.length && Number.isFinite(noise + signal)) return [noise, signal];
  // Infinities on both sides, or a mistake that this names.
  const errors = new ErrorAccumulator(name);
  errors.add(x, y);
  // Squares of float64 may be infinite where the numbers are not.
  if (Number.isFinite(errors.noise + errors.signal)) return [errors.noise, errors.signal];
  throw new RoundoffError(`The value "${name}" is so large that its error has no size.`);
}

function divergenceOf(
  { kind }: OutputDescription,
  layout: ClassLayout,
  x: ArrayLike<number>,
  y: ArrayLike<number>,
): number {
  return kind === 'logits' ? klOfLogits(x, y, layout) : klOfProbabilities(x, y, layout);
}

function topClasses(scores: ArrayLike<number>, layout: ClassLayout): number[] {
  return Array.from({ length: positions(layout) }, (_, position) => topClass(scores, layout, position));
}

function accuraciesOf(
  float: readonly number[],
  trial: readonly number[],
  label: Sample['label'],
): SampleFigures['accuracy'] {
  if (label === undefined) return null;
  const labels = typeof label === 'number' ? [label] : label;
  if (labels.length !== float.length) return null;
  const isRight = (top: number, position: number): boolean => top === labels[position];
  return [shareOf(float, isRight), shareOf(trial, isRight)];
}

function shareOf(values: readonly number[], counts: (value: number, position: number) => boolean): number {
  return values.filter(counts).length / Math.max(1, values.length);
}

function mean(values: readonly number[]): number {
  return values.reduce((sum, value) => sum + value, 0) / values.length;
}
