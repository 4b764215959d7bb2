import { asNumbers, bytesOfTensors } from './floats';
import { RoundoffError } from '../errors';
import type { Model } from '../onnx/types';
import type { Feeds, RuntimeTensor, Session } from '../ports';

/** On ResNet-18 8 samples a run take two thirds of the time of single ones, 32 half; on MobileNetV2 8 are as good as 32. */
const LARGEST_BATCH = 32;
/** Of what a run is fed and gives: keeps the runtime's memory small. */
const BATCH_BYTES = 64 * 2 ** 20;
/** Kernels for more rows add in another order. */
const SAME = 1e-4;

/**
 * How many samples a run takes: several when the model leaves its batch open and gives for two samples together what it
 * gives for each alone.
 */
export async function batchSizeFor(
  session: Session,
  model: Model,
  samples: readonly { readonly feeds: Feeds }[],
  fetches: readonly string[],
): Promise<number> {
  const [first, second] = samples;
  if (!first || !second || !leavesBatchOpen(model) || !canStack([first.feeds, second.feeds])) return 1;
  const alone = [await session.run(first.feeds, fetches), await session.run(second.feeds, fetches)];
  let together: Feeds;
  try {
    together = await session.run(stacked([first.feeds, second.feeds]), fetches);
  } catch (error) {
    if (error instanceof RoundoffError) return 1;
    throw error;
  }
  const isSame = alone.every((results, at) =>
    fetches.every((name) => isPart(results[name], together[name], at)),
  );
  if (!isSame || !samples.every(({ feeds }) => canStack([first.feeds, feeds]))) return 1;
  const bytes = bytesOfTensors(first.feeds) + bytesOfTensors(alone[0] ?? {});
  return Math.max(1, Math.min(LARGEST_BATCH, Math.floor(BATCH_BYTES / bytes)));
}

/** Samples one after the other along the first axis. */
export function stacked(samples: readonly Feeds[]): Feeds {
  const [first = {}, ...others] = samples;
  if (others.length === 0) return first;
  return Object.fromEntries(
    Object.entries(first).map(([name, tensor]) => [
      name,
      joined(
        tensor,
        samples.flatMap((feeds) => feeds[name] ?? []),
      ),
    ]),
  );
}

/** The part of a tensor that sample `at` of a batch of `count` is; the whole for a batch of one. */
export function sampleOf(tensor: RuntimeTensor, at: number, count: number): RuntimeTensor {
  if (count === 1) return tensor;
  const { type, data } = tensor;
  const [rows = 1, ...rest] = tensor.dims;
  const size = data.length / count;
  const part = data.slice(at * size, (at + 1) * size) as RuntimeTensor['data'];
  return { type, dims: [rows / count, ...rest], data: part };
}

/** The part of each tensor that one sample of a batch is. */
export function samplesOf(tensors: Feeds, at: number, count: number): Feeds {
  if (count === 1) return tensors;
  return Object.fromEntries(
    Object.entries(tensors).map(([name, tensor]) => [name, sampleOf(tensor, at, count)]),
  );
}

function joined({ type, dims, data }: RuntimeTensor, parts: readonly RuntimeTensor[]): RuntimeTensor {
  const [rows = 1, ...rest] = dims;
  const all = new (data.constructor as new (length: number) => Float32Array)(data.length * parts.length);
  for (const [at, part] of parts.entries()) all.set(part.data as Float32Array, at * data.length);
  return { type, dims: [rows * parts.length, ...rest], data: all };
}

function leavesBatchOpen({ graph }: Model): boolean {
  const constants = new Set((graph?.initializer ?? []).map(({ name }) => name));
  const inputs = (graph?.input ?? []).filter(({ name }) => !constants.has(name));
  return inputs.every(({ type }) => {
    const [batch] = type?.tensorType?.shape?.dim ?? [];
    return batch !== undefined && batch.dimValue === undefined;
  });
}

/** True when samples have the same inputs, of the same types and shapes, with a first axis to stack along. */
export function canStack([a = {}, b = {}]: readonly Feeds[]): boolean {
  return Object.entries(a).every(([name, { type, dims, data }]) => {
    const other = b[name];
    return (
      other?.type === type &&
      dims.length > 0 &&
      !Array.isArray(data) &&
      dims.length === other.dims.length &&
      dims.every((size, axis) => size === other.dims[axis])
    );
  });
}

/** True when `alone` is the part of sample `at` in a batch of two. */
function isPart(alone: RuntimeTensor | undefined, together: RuntimeTensor | undefined, at: number): boolean {
  if (!alone || !together || alone.dims.length === 0 || together.data.length !== 2 * alone.data.length) {
    return false;
  }
  if (together.dims[0] !== 2 * (alone.dims[0] ?? 0)) return false;
  const [x, y] = [asNumbers(alone), asNumbers(sampleOf(together, at, 2))];
  if (!x || !y) return false;
  let largest = 0;
  for (let i = 0; i < x.length; i++) largest = Math.max(largest, Math.abs(x[i] as number));
  for (let i = 0; i < x.length; i++) {
    const [a, b] = [x[i] as number, y[i] as number];
    if (!Object.is(a, b) && !(Math.abs(a - b) <= SAME * largest)) return false;
  }
  return true;
}
