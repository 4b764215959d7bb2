import { indexGraph, type GraphIndex } from '../../../src/core/graph/graphIndex';
import { findRows } from '../../../src/core/graph/layers';
import { inferShapes, type Shapes } from '../../../src/core/graph/shapes';
import type { Layer, Scope, Shape } from '../../../src/core/graph/types';
import { makeGraph, makeModel, makeNode, makeValueInfo, type NodeSpec } from '../../../src/core/onnx/build';
import { DataType, type Graph, type Model, type Tensor } from '../../../src/core/onnx/types';

export interface Indexed {
  readonly index: GraphIndex;
  readonly shapes: Shapes;
  readonly main: Scope;
  readonly layers: Layer[];
  readonly others: Layer[];
}

/** Everything the graph layer tells about a model. */
export function study(model: Model, dims: Record<string, number> = {}): Indexed {
  const index = indexGraph(model);
  const { main } = index;
  if (!main) throw new Error('the model has no graph');
  const shapes = inferShapes(index, dims);
  const { layers, nodes } = findRows(index, shapes);
  return { index, shapes, main, layers: [...layers], others: [...nodes] };
}

export interface Spec extends Partial<Omit<Graph, 'node' | 'input' | 'output'>> {
  readonly inputs?: Readonly<Record<string, Shape>>;
  readonly nodes: readonly NodeSpec[];
  readonly outputs?: readonly string[];
  readonly opset?: number;
}

/** A model of float inputs, constants and nodes; outputs carry no declared shape, so that it must be inferred. */
export function modelOf(
  { inputs = {}, nodes, outputs = [], opset, ...graph }: Spec,
  parts: Partial<Model> = {},
): Model {
  return makeModel(
    makeGraph({
      ...graph,
      input: Object.entries(inputs).map(([name, shape]) => makeValueInfo(name, DataType.FLOAT, shape)),
      node: nodes.map(makeNode),
      output: outputs.map((name) => ({ name, docString: '', metadataProps: [] })),
    }),
    { opset, ...parts },
  );
}

/** The one layer of a model whose last node computes `y`. */
export function onlyLayer(spec: Spec, dims: Record<string, number> = {}): Layer {
  const { layers } = study(modelOf(spec), dims);
  const [layer, ...others] = layers;
  if (!layer || others.length > 0) throw new Error(`${layers.length} layers`);
  return layer;
}

/** A tensor of some type without interesting content. */
export function zeros(name: string, dataType: DataType, dims: number[], bytes: number): Tensor {
  return {
    name,
    dims,
    dataType,
    rawData: { byteLength: bytes, read: async (_offset = 0, length = bytes) => new Uint8Array(length) },
    stringData: [],
    externalData: [],
    dataLocation: 0,
    docString: '',
    metadataProps: [],
  };
}
