import { asFloats, asNumbers } from '../calibrate/floats';
import { RoundoffError } from '../errors';
import type { OutputDescription } from '../graph/types';
import type { Feeds, RuntimeTensor } from '../ports';
import { classLayout } from '../quant/classes';
import { klOfLogits, klOfProbabilities } from '../quant/divergence';
import { ErrorAccumulator } from '../quant/metrics';
import type { ScanResult } from '../results';

/** `kl` when any output gives classes, else `nmse`. */
export function metricOf(outputs: readonly OutputDescription[]): ScanResult['metric'] {
  return outputs.some(givesClasses) ? 'kl' : 'nmse';
}

function givesClasses({ kind, classAxis }: OutputDescription): boolean {
  return kind !== 'values' && classAxis !== undefined;
}

/**
 * How far a trial moves a model's outputs, over any number of samples: the sum over the outputs of KL(float ‖ trial) in nats,
 * mean over samples, for class outputs, and of NMSE over all samples for the others. Outputs of whole numbers are left out.
 */
export class Sensitivity {
  private samples = 0;
  private divergence = 0;
  private readonly errors = new Map<string, ErrorAccumulator>();

  constructor(private readonly outputs: readonly OutputDescription[]) {}

  /** @throws RoundoffError when the trial's output is missing, of another shape, or not finite. */
  add(reference: Feeds, trial: Feeds): void {
    for (const output of this.outputs) {
      const [expected, given] = [reference[output.name], trial[output.name]];
      if (!expected || !given) throw new RoundoffError(`The trial has no output "${output.name}".`);
      const [x, y] = [asFloats(expected), asNumbers(given)];
      if (!x || !y) continue;
      // Also checks shape and finiteness for class outputs.
      this.errorsOf(output.name).add(x, y);
      if (givesClasses(output)) this.divergence += divergence(output, expected, x, y);
    }
    this.samples++;
  }

  get value(): number {
    let total = this.divergence / Math.max(1, this.samples);
    for (const output of this.outputs) {
      if (!givesClasses(output)) total += this.errors.get(output.name)?.nmse ?? 0;
    }
    return total;
  }

  private errorsOf(name: string): ErrorAccumulator {
    let errors = this.errors.get(name);
    if (!errors) this.errors.set(name, (errors = new ErrorAccumulator(name)));
    return errors;
  }
}

function divergence(
  { kind, classAxis = 1 }: OutputDescription,
  { dims }: RuntimeTensor,
  x: ArrayLike<number>,
  y: ArrayLike<number>,
): number {
  const layout = classLayout(dims, classAxis);
  return kind === 'logits' ? klOfLogits(x, y, layout) : klOfProbabilities(x, y, layout);
}
