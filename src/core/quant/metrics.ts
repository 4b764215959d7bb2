import { RoundoffError } from '../errors';

/** Norm that stands for that of a zero signal, as in ONNX Runtime's debug tool, so that noise on it has a finite SQNR. */
const ZERO_NORM = 2.2e-16;
/** Below it a double loses digits. */
const LEAST_NORMAL = 2 ** -1022;

/**
 * What Σ(x − y)² is held against: Σx², however small it is. Where that is nothing, a number that stands for it, with which an error
 * is never less than the signal.
 */
export function signalFor(noise: number, signal: number): number {
  return signal >= LEAST_NORMAL ? signal : Math.min(ZERO_NORM ** 2, noise);
}

type Numbers = ArrayLike<number>;

/** Differences between a reference and its approximation, over any number of samples, accumulated in float64. */
export class ErrorAccumulator {
  elements = 0;
  /** Elements that were left out because both sides are infinite, or NaN. */
  leftOut = 0;
  /** Of those the NaN. */
  nans = 0;
  maxAbs = 0;
  /** Σ reference². */
  signal = 0;
  /** Σ (reference − actual)². */
  noise = 0;
  private actualSquares = 0;
  private dot = 0;

  /** @param name what messages call the value. */
  constructor(private readonly name = 'output') {}

  /**
   * Elements that are equal and not finite on both sides (a mask's −∞) are left out.
   * @throws RoundoffError when the lengths differ, or only one side is finite.
   */
  add(reference: Numbers, actual: Numbers): void {
    if (reference.length !== actual.length) {
      throw new RoundoffError(
        `The value "${this.name}" has ${actual.length} elements where the reference has ${reference.length}; they cannot be compared.`,
      );
    }
    for (let i = 0; i < reference.length; i++) {
      const x = reference[i] as number;
      const y = actual[i] as number;
      const d = x - y;
      if (!Number.isFinite(d)) {
        if (Object.is(x, y)) {
          this.leftOut++;
          if (Number.isNaN(x)) this.nans++;
          continue;
        }
        throw new RoundoffError(
          `The value "${this.name}" is ${y} at element ${i} where the reference is ${x}; their error has no size.`,
        );
      }
      this.signal += x * x;
      this.noise += d * d;
      this.actualSquares += y * y;
      this.dot += x * y;
      const magnitude = Math.abs(d);
      if (magnitude > this.maxAbs) this.maxAbs = magnitude;
    }
    this.elements += reference.length;
  }

  /** 20·log10(‖x‖ / ‖x − y‖) in dB, higher is better; null: identical. */
  get sqnrDb(): number | null {
    if (this.noise === 0) return null;
    return 20 * Math.log10(Math.sqrt(signalFor(this.noise, this.signal)) / Math.sqrt(this.noise));
  }

  /** Σ(x − y)² / Σx², 0 when identical. */
  get nmse(): number {
    if (this.noise === 0) return 0;
    return this.noise / signalFor(this.noise, this.signal);
  }

  /** Cosine of the angle between the two; null when either is zero. */
  get cosine(): number | null {
    if (this.signal === 0 || this.actualSquares === 0) return null;
    if (this.noise === 0) return 1;
    return Math.min(1, this.dot / Math.sqrt(this.signal) / Math.sqrt(this.actualSquares));
  }
}

/** SQNR in dB of one pair of arrays: 20·log10(‖x‖ / ‖x − y‖); null: identical. */
export function sqnrDb(reference: Numbers, actual: Numbers): number | null {
  const errors = new ErrorAccumulator();
  errors.add(reference, actual);
  return errors.sqnrDb;
}

/** Normalized mean squared error of one pair of arrays: Σ(x − y)² / Σx². */
export function nmse(reference: Numbers, actual: Numbers): number {
  const errors = new ErrorAccumulator();
  errors.add(reference, actual);
  return errors.nmse;
}

/** Cosine similarity of one pair of arrays; null when either is zero. */
export function cosine(reference: Numbers, actual: Numbers): number | null {
  const errors = new ErrorAccumulator();
  errors.add(reference, actual);
  return errors.cosine;
}
