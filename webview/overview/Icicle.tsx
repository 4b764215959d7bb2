import { useMemo, useState } from 'preact/hooks';
import { useFrame } from '../charts/useFrame';
import type { BarScales } from '../tree/sensitivity';
import { icicle, type Frame, type Shape } from './icicleLayout';
import { IcicleChart, shapeId } from './IcicleChart';
import { stepFrom } from './icicleKeys';
import type { Module } from './modules';
import { ShapeTip } from './ShapeTip';
import { MEASURE_LABELS, sizeText, type ShapeContext } from './shapeText';
import { zoomOut, type Zoom } from './zoom';

interface IcicleProps {
  model: Module;
  zoom: Zoom;
  context: ShapeContext;
  scales: BarScales;
  selected: ReadonlySet<string>;
  onZoom: (zoom: Zoom) => void;
  /** Selects a row or a module in the layer tree. */
  onSelect: (shape: Shape) => void;
}

const LEAST: Frame = { width: 240, height: 110 };

/** The chart of modules in the room there is, with its mouse and keyboard, and a tip for the shape that these are at. */
export function Icicle({ model, zoom, context, scales, selected, onZoom, onSelect }: IcicleProps) {
  const [box, frame] = useFrame<HTMLElement>(LEAST);
  const [current, setCurrent] = useState<string | null>(null);
  const [tip, setTip] = useState<string | null>(null);
  const { measure } = context;
  const shapes = useMemo(
    () => (frame ? icicle(model, zoom, measure, frame) : []),
    [model, zoom, measure, frame],
  );
  const goTo = (shape: Shape | undefined): void => {
    setCurrent(shape?.id ?? null);
    setTip(shape?.id ?? null);
  };
  const zoomTo = (next: Zoom, at: string | undefined): void => {
    setTip(null);
    setCurrent(at ?? null);
    onZoom(next);
  };
  const enter = (shape: Shape | undefined): void => {
    if (!shape) return;
    if (shape.zoom && shape.level > 1) zoomTo(shape.zoom, shape.id);
    if (shape.kind !== 'some') onSelect(shape);
  };
  const leave = (): boolean => {
    const out = zoomOut(model, zoom);
    if (out) zoomTo(out, shapes[0]?.id);
    else if (tip !== null) setTip(null);
    else return false;
    return true;
  };
  const onKeyDown = (event: KeyboardEvent): void => {
    if (event.altKey || event.ctrlKey || event.metaKey) return;
    const position = shapes.findIndex(({ id }) => id === current);
    const shape = shapes[position];
    const step = stepFrom(shapes, position, event.key);
    if (step !== undefined) goTo(shapes[step]);
    else if (event.key === 'Enter') enter(shape);
    else if (event.key === ' ') {
      if (shape && shape.kind !== 'some') onSelect(shape);
    } else if (event.key !== 'Escape' || !leave()) return;
    event.preventDefault();
    event.stopPropagation();
  };
  const onClick = (event: MouseEvent): void => {
    const shape = shapeAt(shapes, event);
    if (!shape) return;
    setCurrent(shape.id);
    if (shape.kind !== 'some') onSelect(shape);
  };
  const onDblClick = (event: MouseEvent): void => {
    const shape = shapeAt(shapes, event);
    if (shape?.zoom && shape.level > 1) zoomTo(shape.zoom, shape.id);
  };
  const explained = shapes.find(({ id }) => id === tip);
  const whole = `${sizeText(shapes[0]?.size ?? 0, measure)} in ${shapes[0]?.name ?? model.name}`;
  return (
    <figure
      class="sized-chart"
      ref={box}
      onKeyDown={onKeyDown}
      onClick={onClick}
      onDblClick={onDblClick}
      onPointerMove={(event) => setTip(shapeAt(shapes, event)?.id ?? null)}
      onPointerLeave={() => setTip(null)}
      onFocusIn={() => setTip(current ?? shapes[0]?.id ?? null)}
      onFocusOut={() => setTip(null)}
    >
      {frame && shapes.length === 0 && (
        <p class="hint">
          {measure === 'macs'
            ? 'The MACs of no layer are known: set the free dimensions of the inputs above.'
            : 'The model has no constants.'}
        </p>
      )}
      {frame && shapes.length > 0 && (
        <IcicleChart
          shapes={shapes}
          frame={frame}
          context={context}
          scales={scales}
          current={current}
          selected={selected}
          label={`${MEASURE_LABELS[measure]} by module: ${whole}. Enter shows what is in a module, Escape what is around it.`}
        />
      )}
      {frame && explained && <ShapeTip shape={explained} frame={frame} context={context} />}
    </figure>
  );
}

function shapeAt(shapes: readonly Shape[], { target }: Event): Shape | undefined {
  const item = target instanceof Element ? target.closest('[data-shape]') : null;
  return shapes.find((_, position) => item?.id === shapeId(position));
}
