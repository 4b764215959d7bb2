import { dtypeName } from '../onnx/dtype';
import type { Type } from '../onnx/types';
import type { ModelSummary, OutputSummary, Problem, ValueSummary } from '../results';
import { describeRows } from './describeRows';
import type { GraphIndex } from './graphIndex';
import { listNames } from './names';
import { describeOutputs, type OutputOverrides } from './outputs';
import { findProblems } from './problems';
import { inferShapes, type Shapes } from './shapes';
import { checkDimensions, type Dimensions } from './symbolSizes';
import { modelTotals } from './totals';
import type { Scope } from './types';

export interface SummaryOptions {
  readonly dimensions?: Dimensions;
  readonly outputs?: OutputOverrides;
}

/**
 * Everything about a model that its graph tells; `file` and `bytes` are the caller's.
 * @throws InputError for a dimension that is not a whole number from 0.
 */
export function summarizeModel(
  index: GraphIndex,
  { dimensions = {}, outputs = {} }: SummaryOptions = {},
): Omit<ModelSummary, 'file' | 'bytes'> {
  checkDimensions(dimensions);
  const { model } = index;
  const shapes = inferShapes(index, dimensions);
  const { layers, nodes, all, shared } = describeRows(index, shapes, index.nodes);
  const totals = modelTotals(index, all, shared);
  return {
    irVersion: model.irVersion,
    opsets: model.opsetImport.map(({ domain, version }) => ({ domain, version })),
    producer: [model.producerName, model.producerVersion].filter((part) => part !== '').join(' '),
    inputs: inputsOf(index, shapes),
    outputs: outputsOf(index, shapes, outputs),
    parameters: totals.parameters,
    macs: totals.macs ?? null,
    macsUnknown: totals.macsUnknown,
    dimensions: Object.fromEntries(shapes.symbols.map((symbol) => [symbol, dimensions[symbol] ?? null])),
    layers,
    nodes,
    problems: [...findProblems(index), ...unknownDimensions(shapes, dimensions)],
  };
}

/** The inputs that must be fed. */
function inputsOf(index: GraphIndex, shapes: Shapes): ValueSummary[] {
  const { main } = index;
  if (!main || !('initializer' in main.container)) return [];
  return main.container.input
    .filter(({ name }) => index.isInput(main, name))
    .map(({ name }) => valueOf(index, shapes, main, name));
}

function outputsOf(index: GraphIndex, shapes: Shapes, overrides: OutputOverrides): OutputSummary[] {
  const { main } = index;
  if (!main) return [];
  return describeOutputs(index, shapes, overrides).map(({ name, kind, classAxis }) => ({
    ...valueOf(index, shapes, main, name),
    kind,
    classAxis: classAxis ?? null,
  }));
}

function valueOf(index: GraphIndex, shapes: Shapes, main: Scope, name: string): ValueSummary {
  const shape = shapes.of(main, name);
  const dtype = shapes.dtypeOf(main, name);
  const declared = index.declaredType(main, name);
  return {
    name,
    dtype: dtype === 0 && declared ? typeName(declared) : dtypeName(dtype),
    shape: shape ? [...shape] : null,
  };
}

function typeName(type: Type): string {
  if (type.tensorType) return dtypeName(type.tensorType.elemType);
  if (type.sequenceType) return 'sequence';
  if (type.optionalType) return 'optional';
  if (type.mapType) return 'map';
  return type.sparseTensorType ? 'sparse tensor' : 'undefined';
}

function unknownDimensions(shapes: Shapes, dimensions: Dimensions): Problem[] {
  const unknown = Object.keys(dimensions).filter((name) => !shapes.symbols.includes(name));
  if (unknown.length === 0) return [];
  const known = shapes.symbols.length > 0 ? `it has ${listNames(shapes.symbols)}` : 'all its sizes are fixed';
  return [
    {
      severity: 'warning',
      message: `The model has no free dimension ${listNames(unknown)}; ${known}.`,
      node: null,
    },
  ];
}
