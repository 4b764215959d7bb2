import { makeNode } from '../onnx/build';
import type { DataType, Node } from '../onnx/types';

/** A Cast of one value into another, named after what it makes. */
export function castNode(from: string, to: string, type: DataType): Node {
  return makeNode({
    opType: 'Cast',
    name: `${to}_Cast`,
    input: [from],
    output: [to],
    attributes: { to: { int: type } },
  });
}
