/** Sensitivities by the textbook: whole models in plain sessions, sample by sample. Nothing of the product is used. */
import { InferenceSession, type Tensor } from 'onnxruntime-node';

/** The model's outputs are scores of classes: `classes` axis 1, maps with a vector for each position. */
export type OutputKind = 'logits' | 'probabilities' | 'values';

/** An output of one sample. */
export interface Given {
  readonly dims: readonly number[];
  readonly data: Float32Array;
}

/** Tensors by input name. */
export type Feed = Readonly<Record<string, Tensor>>;

/**
 * Runs a model with one output over samples.
 * @param level `simulate`: everything optimized, Q/DQ kept as float arithmetic; `full`: as users run it.
 */
export async function runPlain(
  model: Uint8Array | string,
  feeds: readonly Feed[],
  level: 'simulate' | 'full' = 'simulate',
): Promise<Given[]> {
  const options: InferenceSession.SessionOptions = {
    graphOptimizationLevel: 'all',
    logSeverityLevel: 4,
    ...(level === 'simulate' && { extra: { session: { disable_quant_qdq: '1' } } }),
  };
  const session =
    typeof model === 'string'
      ? await InferenceSession.create(model, options)
      : await InferenceSession.create(model, options);
  const given: Given[] = [];
  try {
    const [output = ''] = session.outputNames;
    for (const feed of feeds) {
      const result = (await session.run(feed))[output];
      if (!(result?.data instanceof Float32Array)) throw new Error(`${output} is not float32`);
      given.push({ dims: result.dims, data: Float32Array.from(result.data) });
    }
  } finally {
    await session.release();
  }
  return given;
}

/** Mean over the samples of KL(float ‖ trial) in nats, itself a mean over positions; of values, all noise over all signal. */
export function plainSensitivity(kind: OutputKind, float: readonly Given[], trial: readonly Given[]): number {
  if (kind === 'values') return noiseOverSignal(float, trial);
  const divergences = float.map((reference, at) => {
    const other = trial[at];
    if (!other) throw new Error('a sample is missing');
    return divergence(kind, reference, other);
  });
  return divergences.reduce((sum, each) => sum + each, 0) / divergences.length;
}

function noiseOverSignal(float: readonly Given[], trial: readonly Given[]): number {
  let [noise, signal] = [0, 0];
  float.forEach(({ data }, sample) =>
    data.forEach((value, at) => {
      noise += (value - (trial[sample]?.data[at] ?? NaN)) ** 2;
      signal += value ** 2;
    }),
  );
  return noise / signal;
}

function divergence(kind: OutputKind, { dims, data }: Given, trial: Given): number {
  const [batch = 1, classes = 1, ...map] = dims;
  const inner = map.reduce((product, size) => product * size, 1);
  let total = 0;
  for (let position = 0; position < batch * inner; position++) {
    const start = Math.floor(position / inner) * classes * inner + (position % inner);
    const [p, q] = [data, trial.data].map((scores) =>
      distribution(
        kind,
        Array.from({ length: classes }, (_, c) => scores[start + c * inner] ?? NaN),
      ),
    );
    // The last terms are 0 for distributions; rounded ones do not quite sum to 1.
    p?.forEach((x, c) => {
      const y = q?.[c] ?? NaN;
      total += x > 0 ? x * Math.log(x / y) - x + y : y;
    });
  }
  return total / (batch * inner);
}

function distribution(kind: OutputKind, scores: readonly number[]): readonly number[] {
  if (kind === 'probabilities') return scores;
  const most = Math.max(...scores);
  const powers = scores.map((score) => Math.exp(score - most));
  const sum = powers.reduce((a, b) => a + b, 0);
  return powers.map((power) => power / sum);
}

/** Difference allowed between a sensitivity and the oracle's. */
export function isWithin(given: number, expected: number, relative: number): boolean {
  return Math.abs(given - expected) <= Math.max(1e-9, relative * Math.abs(expected));
}
