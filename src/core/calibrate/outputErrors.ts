import { asFloats, asNumbers } from './floats';
import { RoundoffError } from '../errors';
import type { Feeds } from '../ports';
import { ErrorAccumulator } from '../quant/metrics';
import type { OutputError } from '../results';

/** Errors of every numeric output of a model against a reference, over any number of samples. */
export class OutputErrors {
  /** Output name → its errors, in the model's order. Outputs of strings are left out. */
  readonly byName = new Map<string, ErrorAccumulator>();
  private readonly floats = new Set<string>();
  samples = 0;

  /** @throws RoundoffError when an output is missing, has another shape, or is not finite where the reference is. */
  add(reference: Feeds, actual: Feeds): void {
    for (const [name, tensor] of Object.entries(reference)) {
      const expected = asNumbers(tensor);
      if (!expected) continue;
      const other = actual[name];
      const given = other && asNumbers(other);
      if (!given) throw new RoundoffError(`The output "${name}" is missing from one of the two models.`);
      let errors = this.byName.get(name);
      if (!errors) this.byName.set(name, (errors = new ErrorAccumulator(name)));
      errors.add(expected, given);
      if (asFloats(tensor)) this.floats.add(name);
    }
    this.samples++;
  }

  /**
   * One number for all outputs: the mean of their NMSE. Outputs of whole numbers (indices, sizes) count only when the model
   * has no others.
   */
  get meanNmse(): number {
    const counted = [...this.byName].filter(([name]) => this.floats.size === 0 || this.floats.has(name));
    return counted.reduce((sum, [, errors]) => sum + errors.nmse, 0) / Math.max(1, counted.length);
  }

  /** `meanNmse` in dB: the SQNR of the output when there is one; null: identical. */
  get meanSqnrDb(): number | null {
    const { meanNmse } = this;
    return meanNmse === 0 ? null : -10 * Math.log10(meanNmse);
  }

  /** Outputs of which figures tell nothing or not all, as sentences: a mask's infinities are as they should be, NaN are not. */
  notes(): string[] {
    return [...this.byName].flatMap(([name, { elements, leftOut, nans }]) => {
      if (nans === 0) return [];
      const count = leftOut === elements ? 'all' : `${nans} of ${elements}`;
      return [
        `Output ${name}: ${count} numbers are NaN or infinite in both models and are left out of its figures. Look for NaN and infinite numbers in the data.`,
      ];
    });
  }

  /** @throws RoundoffError when no number of an output is left to compare. */
  requireNumbers(): void {
    const empty = [...this.byName].find(([, { elements, leftOut }]) => elements > 0 && leftOut === elements);
    if (!empty) return;
    throw new RoundoffError(
      `Output ${empty[0]} has nothing but NaN and infinite numbers in both models, which cannot be compared. ` +
        'Look for such numbers in the data, and see what the float model makes of it.',
    );
  }

  toJson(): OutputError[] {
    return [...this.byName].map(([name, errors]) => ({ name, sqnrDb: errors.sqnrDb }));
  }
}
