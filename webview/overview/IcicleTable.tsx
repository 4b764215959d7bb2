import { formatPercent } from '../../src/shared/format';
import type { Shape } from './icicleLayout';
import { contentText, heatText, MEASURE_LABELS, sizeText, type ShapeContext } from './shapeText';

/** The same shapes as figures, each module before its parts. Pure. */
export function IcicleTable({ shapes, context }: { shapes: readonly Shape[]; context: ShapeContext }) {
  const { measure, whole, measured } = context;
  return (
    <table aria-label={`${MEASURE_LABELS[measure]} by module`}>
      <thead>
        <tr>
          <th scope="col" class="text">
            Module or layer
          </th>
          <th scope="col">Level</th>
          <th scope="col" class="text">
            Contains
          </th>
          <th scope="col">{MEASURE_LABELS[measure]}</th>
          <th scope="col">Of the model</th>
          <th scope="col">Sensitivity</th>
        </tr>
      </thead>
      <tbody>
        {shapes.map((shape) => (
          <tr key={shape.id}>
            <th scope="row" class="text">
              {shape.name}
            </th>
            <td>{shape.level}</td>
            <td class="text">{contentText(shape)}</td>
            <td>{sizeText(shape.size, measure)}</td>
            <td>{formatPercent(shape.size / whole)}</td>
            <td>{heatText(shape, measured)}</td>
          </tr>
        ))}
      </tbody>
    </table>
  );
}
