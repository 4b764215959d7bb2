import { scaleLinear, scalePoint } from 'd3-scale';
import { line } from 'd3-shape';
import { chart, element, escapeXml, textElement } from './svg';

export interface LayerErrorPoint {
  readonly layer: string;
  /** dB; null: identical, undefined: not known. */
  readonly accumulated: number | null | undefined;
  readonly local: number | null | undefined;
}

const WIDTH = 720;
const HEIGHT = 260;
const PLOT = { left: 44, right: WIDTH - 12, top: 44, bottom: HEIGHT - 28 };
/** dB at which what is identical, or nearly so, is drawn. */
const MOST_DB = 80;
/** Where nothing is left of a value, or there was nothing, less tells no more and would flatten all others. */
const LEAST_DB = -20;

/** SQNR along the depth of a model: of what arrives, as a line with dots, and of each layer alone, as hollow squares. */
export function layerErrorChart(points: readonly LayerErrorPoint[]): string {
  const heightOf = (db: number | null): number => Math.max(LEAST_DB, Math.min(MOST_DB, db ?? MOST_DB));
  const known = points.flatMap(({ accumulated, local }) =>
    [accumulated, local].flatMap((db) => (db === undefined ? [] : [heightOf(db)])),
  );
  const x = scalePoint(
    points.map((_, at) => at),
    [PLOT.left, PLOT.right],
  ).padding(0.5);
  const y = scaleLinear([Math.min(0, ...known), Math.max(10, ...known)], [PLOT.bottom, PLOT.top]).nice();
  const at = (position: number): number => x(position) ?? 0;
  const grid = y.ticks(6).flatMap((db) => [
    element('line', { class: 'grid', x1: PLOT.left, x2: PLOT.right, y1: y(db), y2: y(db) }),
    textElement(tickText(db), {
      x: PLOT.left - 6,
      y: y(db) + 4,
      'text-anchor': 'end',
    }),
  ]);
  const path = line<LayerErrorPoint>()
    .defined(({ accumulated }) => accumulated !== undefined)
    .x((_, position) => at(position))
    .y(({ accumulated }) => y(heightOf(accumulated ?? null)))
    .digits(1);
  const marks = points.flatMap(({ layer, accumulated, local }, position) => {
    const title = (kind: string, db: number | null) =>
      element(
        'title',
        {},
        escapeXml(`${layer}, ${kind}: ${db === null ? 'identical' : `${db.toFixed(1)} dB`}`),
      );
    return [
      ...(local === undefined
        ? []
        : [
            element(
              'rect',
              { class: 'two hollow', x: at(position) - 3, y: y(heightOf(local)) - 3, width: 6, height: 6 },
              title('alone', local),
            ),
          ]),
      ...(accumulated === undefined
        ? []
        : [
            element(
              'circle',
              { class: 'one', cx: at(position), cy: y(heightOf(accumulated)), r: 2.5 },
              title('accumulated', accumulated),
            ),
          ]),
    ];
  });
  const worst = points.reduce<LayerErrorPoint | undefined>(
    (least, point) => ((point.local ?? Infinity) < (least?.local ?? Infinity) ? point : least),
    undefined,
  );
  const label =
    `SQNR of ${points.length} layers in the order of computation, accumulated and alone.` +
    (worst ? ` Least alone: ${worst.layer}.` : '');
  return chart(
    WIDTH,
    HEIGHT,
    'Error by layer (SQNR, dB: higher is better)',
    label,
    element('circle', { class: 'one', cx: 14, cy: 30, r: 2.5 }),
    textElement('accumulated from the inputs', { x: 22, y: 34 }),
    element('rect', { class: 'two hollow', x: 187, y: 27, width: 6, height: 6 }),
    textElement('the layer alone', { x: 199, y: 34 }),
    ...grid,
    element('path', { class: 'one line', d: path(points) ?? '' }),
    ...marks,
    textElement('first layer', { x: PLOT.left, y: HEIGHT - 8 }),
    textElement('last layer', { x: PLOT.right, y: HEIGHT - 8, 'text-anchor': 'end' }),
  );
}

function tickText(db: number): string {
  if (db >= MOST_DB) return `≥${MOST_DB}`;
  return db <= LEAST_DB ? `≤${LEAST_DB}` : String(db);
}
