/** Models with as many layers as asked for, each of them small. */
import { floatTensor, makeGraph, makeModel, makeNode, makeValueInfo } from '../../src/core/onnx/build';
import { DataType, type Model, type Node, type Tensor } from '../../src/core/onnx/types';
import { uniform } from './random';

const WIDTH = 8;
/** Layers of a residual block: what goes in is added to what comes out, so that values keep their size. */
const BLOCK = 4;

/** A chain of Gemm and Relu in residual blocks, `x` [1, 8] → `y`. */
export function manyLayers(count: number): Model {
  const random = uniform(3);
  const node: Node[] = [];
  const initializer: Tensor[] = [];
  let value = 'x';
  let skip = value;
  for (let at = 0; at < count; at++) {
    const weight = Float32Array.from({ length: WIDTH * WIDTH }, () => (random() - 0.5) / 2);
    initializer.push(floatTensor(`w${at}`, weight, [WIDTH, WIDTH]));
    node.push(makeNode({ opType: 'Gemm', name: `layer${at}`, input: [value, `w${at}`], output: [`a${at}`] }));
    node.push(makeNode({ opType: 'Relu', name: `relu${at}`, input: [`a${at}`], output: [`b${at}`] }));
    value = `b${at}`;
    if (at % BLOCK !== BLOCK - 1) continue;
    node.push(makeNode({ opType: 'Add', name: `add${at}`, input: [value, skip], output: [`c${at}`] }));
    skip = value = `c${at}`;
  }
  node.push(makeNode({ opType: 'Identity', name: 'last', input: [value], output: ['y'] }));
  const graph = makeGraph({
    node,
    initializer,
    input: [makeValueInfo('x', DataType.FLOAT, [1, WIDTH])],
    output: [makeValueInfo('y', DataType.FLOAT, [1, WIDTH])],
  });
  return makeModel(graph, { opset: 21, irVersion: 10 });
}
