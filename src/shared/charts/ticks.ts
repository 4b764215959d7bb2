import { formatNumber } from '../format';

/** Digits that a double has after the first. */
const MOST_DIGITS = 16;

/** As `formatNumber`, with as many digits more as it takes to tell the number from others that are `step` away. */
export function formatApart(value: number, step: number): string {
  const magnitude = Math.abs(value);
  if (magnitude === 0 || !Number.isFinite(magnitude) || !(step > 0)) return formatNumber(value);
  // Steps of ticks come out a little less than the power of ten that they stand for.
  const power = Math.floor(Math.log10(step * (1 + 1e-9)));
  const digits = Math.min(MOST_DIGITS, Math.floor(Math.log10(magnitude)) - power);
  if (magnitude < 1e-3 || magnitude >= 1e6) return value.toExponential(Math.max(1, digits));
  return Number(value.toPrecision(Math.max(3, digits + 1))).toString();
}

/** An edge of a bin of this width, to a tenth of it. */
export function edgeText(edge: number, width: number): string {
  return formatApart(edge, width / 10);
}

/**
 * What is written at the ticks of a linear axis.
 * @param room characters between neighbours: where labels would touch, every second one or fewer are written, the others empty.
 */
export function tickLabels(ticks: readonly number[], room = Infinity): string[] {
  const [first = 0, second = first] = ticks;
  const texts = ticks.map((tick) => formatApart(tick, second - first));
  const longest = texts.reduce((most, { length }) => Math.max(most, length), 0);
  const every = Math.max(1, Math.ceil((longest + 1) / room));
  return texts.map((text, at) => (at % every === 0 ? text : ''));
}
