import type { Frame, Shape } from './icicleLayout';
import { schemeFact, shapeFacts, type ShapeContext } from './shapeText';

/** In pixels, as in the style sheet. */
const TIP_WIDTH = 280;
const DISTANCE = 4;

/** What a shape is, above it. The shape's own label says it to those who do not see it. */
export function ShapeTip({ shape, frame, context }: { shape: Shape; frame: Frame; context: ShapeContext }) {
  const left = Math.max(0, Math.min(shape.x, frame.width - TIP_WIDTH));
  return (
    <div
      class="shape-tip"
      role="tooltip"
      aria-hidden="true"
      style={{ left: `${left}px`, bottom: `${frame.height - shape.y + DISTANCE}px` }}
    >
      <b>{shape.name}</b>
      {[...shapeFacts(shape, context), schemeFact(shape)].map(({ name, value }) => (
        <span key={name}>
          <span class="dim">{name}</span> {value}
        </span>
      ))}
    </div>
  );
}
