import type { GraphIndex } from '../graph/graphIndex';
import { weightFormatOf, type WeightFormat } from '../graph/quantization/weightFormat';
import type { Shapes } from '../graph/shapes';
import type { Layer, LayerWeight } from '../graph/types';
import type { CodesInUse, StoredUse } from '../inspectorResults';
import { attrInt } from '../onnx/attributes';
import { dataTypeFacts } from '../onnx/dtype';
import { elementCount, readFloat32 } from '../onnx/tensor';
import { forEachBlock } from '../onnx/tensorBlocks';
import type { CancelSignal } from '../ports';
import { exponentsIn } from '../quant/powersOfTwo';
import { codesFrom, MOST_TABLES, numberRange } from './formatUse';

/** Codes of more bits are too many to show one by one. */
const MOST_BITS = 8;

/**
 * Which codes a file that is quantized already holds for a weight, counted block by block, and the table that they point into.
 * @param position which of the layer's weights.
 * @returns undefined for plain float32, and where there is no such weight.
 * @throws OnnxFileError when the codes cannot be read, CancelledError
 */
export async function storedUse(
  index: GraphIndex,
  shapes: Shapes,
  layer: Layer,
  position: number,
  signal?: CancelSignal,
): Promise<StoredUse | undefined> {
  const weight = layer.weights[position];
  const format = weight && weightFormatOf(index, shapes, { ...layer, weight });
  if (!format) return undefined;
  const { codes, note } = await countCodes(layer, weight, format, signal);
  return {
    badge: format.stored.badge,
    elements: weight.shape.reduce((product, size) => product * size, 1),
    codes,
    codebook: await codebookIn(format),
    notes: note === undefined ? [] : [note],
  };
}

async function countCodes(
  layer: Layer,
  weight: LayerWeight,
  { stored, table }: WeightFormat,
  signal: CancelSignal | undefined,
): Promise<{ codes: CodesInUse['codes']; note?: string }> {
  const { tensor, dtype } = weight;
  if (stored.via === 'matmulnbits') return packedCodes(layer, weight, signal);
  const facts = dataTypeFacts(tensor.dataType);
  if (!facts || facts.isFloat) {
    const note =
      stored.badge === dtype
        ? `${dtype} is a number format: it has no codes to count.`
        : `The file holds ${dtype} numbers, which are rounded to ${stored.badge} when the model is loaded: it has no codes to count.`;
    return { codes: null, note };
  }
  if (facts.bits > MOST_BITS) {
    return { codes: null, note: `Codes of ${facts.bits} bits are too many to count one by one.` };
  }
  // Indices have as many codes as the table has values, integers all of their type.
  const first = facts.name.startsWith('u') ? 0 : -(2 ** (facts.bits - 1));
  const possible = table?.dims.at(-1) ?? 2 ** facts.bits;
  const counts = new Float64Array(possible);
  const visit = (block: Float32Array): void => {
    for (const code of block) counts[code - first] = (counts[code - first] ?? 0) + 1;
  };
  await forEachBlock(tensor, visit, { signal });
  return { codes: codesFrom({ possible, first, counts }) };
}

/** MatMulNBits: rows of blocks, `bits` bits a code, the first in the lowest bits; what fills the last block is no weight. */
async function packedCodes(
  { ref }: Layer,
  { tensor }: LayerWeight,
  signal: CancelSignal | undefined,
): Promise<{ codes: CodesInUse['codes']; note?: string }> {
  const bits = attrInt(ref.node, 'bits', 4);
  if (![2, 4, 8].includes(bits)) return { codes: null, note: `Codes of ${bits} bits cannot be counted.` };
  const inputs = attrInt(ref.node, 'K', 0);
  const perByte = 8 / bits;
  const rowBytes = elementCount(tensor) / Math.max(1, attrInt(ref.node, 'N', 0));
  const possible = 2 ** bits;
  const counts = new Float64Array(possible);
  const visit = (block: Float32Array, start: number): void => {
    for (let at = 0; at < block.length; at++) {
      const firstInput = ((start + at) % rowBytes) * perByte;
      const codes = Math.min(perByte, inputs - firstInput);
      for (let code = 0, byte = block[at] as number; code < codes; code++, byte >>= bits) {
        const low = byte & (possible - 1);
        counts[low] = (counts[low] as number) + 1;
      }
    }
  };
  await forEachBlock(tensor, visit, { signal });
  return { codes: codesFrom({ possible, first: 0, counts }) };
}

async function codebookIn({ table, scale }: WeightFormat): Promise<CodesInUse['codebook']> {
  if (!table) return null;
  const values = await readFloat32(table);
  const entries = Math.max(1, table.dims.at(-1) ?? 1);
  const groups = values.length / entries;
  const shown = Array.from({ length: Math.min(groups, MOST_TABLES) }, (_, group) => [
    ...values.subarray(group * entries, (group + 1) * entries),
  ]);
  return {
    tables: shown,
    groups,
    scales: scale ? numberRange(await readFloat32(scale)) : null,
    exponents: exponentsIn(values) ?? null,
  };
}
