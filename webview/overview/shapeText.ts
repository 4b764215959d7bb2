/** What a shape of the overview says in words. Pure. */
import { formatBytes, formatCount, formatPercent, plural } from '../../src/shared/format';
import { GUESS_LABEL, METRICS, sensitivityText, type Measured } from '../tree/sensitivity';
import { totalsOf } from '../tree/totals';
import type { Shape } from './icicleLayout';
import type { Measure } from './modules';

/** What figures of all shapes have in common. */
export interface ShapeContext {
  readonly measure: Measure;
  /** Size of the whole model. */
  readonly whole: number;
  readonly measured: Measured;
}

export interface ShapeFact {
  readonly name: string;
  readonly value: string;
}

export const MEASURE_LABELS: Readonly<Record<Measure, string>> = { bytes: 'Size', macs: 'MACs' };

export function sizeText(size: number, measure: Measure): string {
  return measure === 'bytes' ? formatBytes(size) : formatCount(size);
}

/** How many rows a shape stands for, or of which operator its only one is. */
export function contentText({ kind, rows }: Shape): string {
  const [row] = rows;
  return kind === 'row' && row ? row.op : plural(rows.length, 'row');
}

/** `0.0123 KL`, of several rows the worst; guesses say so. */
export function heatText({ worst }: Shape, measured: Measured): string {
  if (!worst || worst.sensitivity === null) return 'not measured';
  const unit = worst.provisional ? `, ${GUESS_LABEL}` : measured ? ` ${METRICS[measured.metric]}` : '';
  return `${sensitivityText(worst)}${unit}`;
}

/** The module that it is in, what it is, its size and how much it hurts. */
export function shapeFacts(shape: Shape, { measure, whole, measured }: ShapeContext): ShapeFact[] {
  const { kind, path, size } = shape;
  const module = kind === 'row' || kind === 'some' ? path : path.slice(0, -1);
  return [
    ...(module.length > 0 ? [{ name: 'Module', value: module.join(' / ') }] : []),
    { name: kind === 'row' ? 'Operator' : 'Contains', value: contentText(shape) },
    { name: MEASURE_LABELS[measure], value: `${sizeText(size, measure)}, ${formatPercent(size / whole)}` },
    { name: kind === 'row' ? 'Sensitivity' : 'Worst sensitivity', value: heatText(shape, measured) },
  ];
}

/** How many of its layers have which scheme. Counts all of them: for one shape at a time. */
export function schemeFact({ rows }: Shape): ShapeFact {
  const { scheme, schemeDetail } = totalsOf(rows);
  return { name: 'Scheme', value: scheme === 'mixed' ? schemeDetail : scheme };
}

/** Its facts in one line. */
export function shapeLabel(shape: Shape, context: ShapeContext): string {
  const facts = shapeFacts(shape, context).map(({ name, value }) => `${name} ${value}`);
  return `${shape.name}. ${facts.join(', ')}`;
}

/** As much of a text as fits, judged by its length: an SVG text neither wraps nor ends in dots. */
export function fitText(text: string, width: number): string {
  const most = Math.floor(width / CHARACTER_WIDTH);
  const characters = [...text];
  if (characters.length <= most) return text;
  return most < 3 ? '' : `${characters.slice(0, most - 1).join('')}…`;
}

/** Of the chart's font, in pixels, a little more than on average. */
const CHARACTER_WIDTH = 6.4;
