import { round } from '../charts/plot';
import type { BarScales } from '../tree/sensitivity';
import { HATCH_ID } from '../tree/SensitivityCell';
import { heatOf, type Heat } from './heat';
import type { Frame, Shape } from './icicleLayout';
import { fitText, heatText, shapeLabel, sizeText, type ShapeContext } from './shapeText';

export interface IcicleChartProps {
  shapes: readonly Shape[];
  frame: Frame;
  context: ShapeContext;
  scales: BarScales;
  /** Id of the shape that the keyboard is at; null: none. */
  current: string | null;
  /** Ids of what is selected in the layer tree. */
  selected: ReadonlySet<string>;
  /** In words. */
  label: string;
}

/** Between shapes. */
const GAP = 1;
const TEXT_INSET = 5;
const FIRST_LINE = 15;
const LINE = 14;
/** What the name takes at the top, and what name and figures take: the filled part of a shape ends below, so that they can be read. */
const NAME_HEIGHT = 21;
const TEXT_HEIGHT = 49;
/** Lower shapes have no room for figures. */
const TALL = 90;
const BAND_FILL = 4;
/** So that the least that was measured differs from what was not. */
const LEAST_FILL = 3;

/**
 * Modules by size: a tree whose items are the shapes. The worse a layer, the stronger the colour and the higher the filled part
 * of its shape; of a module it is a strip. A pure function: colours are classes.
 */
export function IcicleChart(props: IcicleChartProps) {
  const { shapes, frame, current, label } = props;
  const position = shapes.findIndex(({ id }) => id === current);
  const at = shapes[position];
  return (
    <svg
      class="icicle"
      viewBox={`0 0 ${frame.width} ${frame.height}`}
      width={frame.width}
      height={frame.height}
      role="tree"
      // Attributes of SVG elements are case-sensitive.
      tabindex={0}
      aria-label={label}
      aria-activedescendant={at && shapeId(position)}
    >
      {shapes.map((shape, index) => (
        <ShapeItem key={shape.id} shape={shape} index={index} {...props} />
      ))}
      {at && (
        <rect
          class="ring"
          x={round(at.x + 1)}
          y={at.y + 1}
          width={round(Math.max(2, at.width - 2))}
          height={at.height - 2}
          aria-hidden="true"
        />
      )}
    </svg>
  );
}

export function shapeId(position: number): string {
  return `shape-${position}`;
}

interface ShapeItemProps extends Omit<IcicleChartProps, 'label'> {
  shape: Shape;
  index: number;
}

function ShapeItem({ shape, index, context, scales, selected }: ShapeItemProps) {
  const { kind, level, isBand, x, y, size, name } = shape;
  const heat = heatOf(shape.worst, scales, context.measured);
  const width = Math.max(1, shape.width - GAP);
  const height = Math.max(1, shape.height - GAP);
  const room = width - 2 * TEXT_INSET;
  const figures = [sizeText(size, context.measure), ...(heat ? [heatText(shape, context.measured)] : [])];
  const lines = isBand
    ? [fitText(`${name}  ${sizeText(size, context.measure)}`, room)]
    : [
        fitText(name, room),
        // A figure that is cut would be another one.
        ...(height >= TALL ? figures.map((figure) => (fitText(figure, room) === figure ? figure : '')) : []),
      ];
  const isSelected = selected.has(shape.id);
  const classes = [
    'shape',
    kind,
    ...(heat ? [`heat-${heat.step}`] : ['unmeasured']),
    ...(isSelected ? ['selected'] : []),
  ];
  return (
    <g
      class={classes.join(' ')}
      id={shapeId(index)}
      data-shape={index}
      role="treeitem"
      aria-level={level}
      aria-selected={isSelected}
      aria-expanded={kind === 'row' ? undefined : isBand}
      aria-label={shapeLabel(shape, context)}
    >
      <rect class="box" x={round(x)} y={y} width={round(width)} height={height} />
      {heat && <Fill heat={heat} isBand={isBand} x={x} y={y} width={width} height={height} />}
      {lines.map(
        (line, row) =>
          line !== '' && (
            <text
              key={row}
              class={row === 0 ? 'name' : 'figure'}
              x={round(x + TEXT_INSET)}
              y={y + FIRST_LINE + row * LINE}
            >
              {line}
            </text>
          ),
      )}
    </g>
  );
}

interface FillProps {
  heat: Heat;
  isBand: boolean;
  x: number;
  y: number;
  width: number;
  height: number;
}

function Fill({ heat: { share, isGuess }, isBand, x, y, width, height }: FillProps) {
  const longest = height - (height >= TALL ? TEXT_HEIGHT : NAME_HEIGHT);
  const filled = isBand ? BAND_FILL : Math.max(LEAST_FILL, share * longest);
  return (
    <rect
      class={isGuess ? 'fill guess' : 'fill'}
      fill={isGuess ? `url(#${HATCH_ID})` : undefined}
      x={round(x)}
      y={round(y + height - filled)}
      width={round(isBand ? Math.max(LEAST_FILL, share * width) : width)}
      height={round(filled)}
    />
  );
}
