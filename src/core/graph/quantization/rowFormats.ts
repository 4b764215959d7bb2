import type { LayerRow } from '../../results';
import type { GraphIndex } from '../graphIndex';
import type { Rows } from '../layers';
import type { Shapes } from '../shapes';
import type { Layer } from '../types';
import { inputFormats, outputFormat } from './activationFormats';
import { foldedNodes } from './folds';
import { weightFormatOf } from './weightFormat';

/** What a row says about quantization, where there is any. A folded node stands in the group of its row. */
export type RowFormat = Pick<LayerRow, 'stored' | 'activations' | 'foldedInto'> & { path?: string[] };

/** The formats of every row. Reads no payload. */
export function rowFormats(index: GraphIndex, shapes: Shapes, rows: Rows): (layer: Layer) => RowFormat {
  const folds = foldedNodes(index, rows);
  const paths = new Map(
    folds.size === 0 ? [] : [...rows.layers, ...rows.nodes].map(({ name, path }) => [name, path]),
  );
  return (layer) => {
    const foldedInto = folds.get(layer.ref);
    if (foldedInto !== undefined) return { foldedInto, path: [...(paths.get(foldedInto) ?? layer.path)] };
    const stored = weightFormatOf(index, shapes, layer)?.stored;
    const inputs = inputFormats(index, shapes, layer.ref).map(({ dtype }) => dtype);
    const output = outputFormat(index, shapes, layer.ref)?.dtype ?? null;
    const hasFormats = inputs.length > 0 || output !== null;
    return { ...(stored && { stored }), ...(hasFormats && { activations: { inputs, output } }) };
  };
}
