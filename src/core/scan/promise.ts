import { CancelledError, throwIfCancelled } from '../errors';
import type { Layer } from '../graph/types';
import type { Candidate } from '../results';
import type { Work } from '../ports';
import type { Encodings } from './encodings';
import { candidateName, type ScanFormat } from './formats';

/**
 * Guesses, without running the model, how much each layer loses by each format: the relative squared error of its weight,
 * from some of its channels. It tells little of the order of layers, but is there at once.
 * @param onGuess told each guess as it is made.
 * @returns the layers, most promising first: those with the largest error times parameters in any format.
 */
export async function byPromise(
  layers: readonly Layer[],
  formats: readonly ScanFormat[],
  encodings: Encodings,
  onGuess: (guess: Candidate) => void,
  work: Work,
): Promise<Layer[]> {
  const promise = new Map<Layer, number>();
  for (const layer of layers) {
    for (const format of layer.quantizable ? formats : []) {
      throwIfCancelled(work.signal);
      const guess = await guessOf(layer, format, encodings);
      if (!guess) continue;
      promise.set(layer, Math.max(promise.get(layer) ?? 0, (guess.sensitivity ?? 0) * layer.parameters));
      onGuess(guess);
    }
  }
  return layers.toSorted((a, b) => (promise.get(b) ?? 0) - (promise.get(a) ?? 0));
}

/** undefined for a format that the layer cannot have (measuring tells why), and where no weight is rounded. */
async function guessOf(
  layer: Layer,
  format: ScanFormat,
  encodings: Encodings,
): Promise<Candidate | undefined> {
  if (format.part === 'activations') return undefined;
  try {
    return {
      ...candidateName(layer.name, format),
      sensitivity: await encodings.weightError(layer, format),
      localSqnrDb: null,
      bytes: encodings.bytesOf(layer, format),
      provisional: true,
    };
  } catch (error) {
    if (error instanceof CancelledError) throw error;
    return undefined;
  }
}
