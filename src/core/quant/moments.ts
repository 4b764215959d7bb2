/** Elements whose sums are made together before they are merged: keeps the sums of large tensors precise. */
const PART = 2 ** 12;

/**
 * Mean and central moments of any number of values, added in parts and merged (Pébay 2008, "Formulas for robust, one-pass
 * parallel computation of covariances and arbitrary-order statistical moments"). NaN and infinite values are left out.
 */
export class Moments {
  count = 0;
  nonFinite = 0;
  zeros = 0;
  min = Infinity;
  max = -Infinity;
  mean = 0;
  private m2 = 0;
  private m3 = 0;
  private m4 = 0;

  add(values: Float32Array): void {
    for (let start = 0; start < values.length; start += PART)
      this.addPart(values.subarray(start, start + PART));
  }

  /** Of the population; null without values. */
  get standardDeviation(): number | null {
    return this.count > 0 ? Math.sqrt(this.m2 / this.count) : null;
  }

  /** Fourth central moment over the squared variance, 3 for a normal distribution; null when all values are equal. */
  get kurtosis(): number | null {
    return this.m2 > 0 ? (this.count * this.m4) / (this.m2 * this.m2) : null;
  }

  private addPart(values: Float32Array): void {
    let count = 0;
    let sum = 0;
    for (const value of values) {
      if (value - value !== 0) continue;
      count++;
      sum += value;
      if (value === 0) this.zeros++;
      if (value < this.min) this.min = value;
      if (value > this.max) this.max = value;
    }
    this.nonFinite += values.length - count;
    if (count === 0) return;
    const mean = sum / count;
    let [m2, m3, m4] = [0, 0, 0];
    for (const value of values) {
      if (value - value !== 0) continue;
      const d = value - mean;
      const d2 = d * d;
      m2 += d2;
      m3 += d2 * d;
      m4 += d2 * d2;
    }
    this.merge(count, mean, m2, m3, m4);
  }

  private merge(count: number, mean: number, m2: number, m3: number, m4: number): void {
    const [a, b] = [this.count, count];
    const n = a + b;
    const d = mean - this.mean;
    this.m4 +=
      m4 +
      (d ** 4 * a * b * (a * a - a * b + b * b)) / n ** 3 +
      (6 * d * d * (a * a * m2 + b * b * this.m2)) / n ** 2 +
      (4 * d * (a * m3 - b * this.m3)) / n;
    this.m3 += m3 + (d ** 3 * a * b * (a - b)) / n ** 2 + (3 * d * (a * m2 - b * this.m2)) / n;
    this.m2 += m2 + (d * d * a * b) / n;
    this.mean += (d * b) / n;
    this.count = n;
  }
}
