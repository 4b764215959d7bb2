import { InputError } from '../../core/errors';
import { dtypeName } from '../../core/onnx/dtype';
import { DataType, type Dimension, type Graph, type ValueInfo } from '../../core/onnx/types';
import type { RuntimeType } from '../../core/ports';
import type { InputSpec } from './dataSet';

const runtimeTypes: ReadonlyMap<number, RuntimeType> = new Map([
  [DataType.FLOAT, 'float32'],
  [DataType.DOUBLE, 'float64'],
  [DataType.FLOAT16, 'float16'],
  [DataType.INT8, 'int8'],
  [DataType.UINT8, 'uint8'],
  [DataType.INT16, 'int16'],
  [DataType.UINT16, 'uint16'],
  [DataType.INT32, 'int32'],
  [DataType.UINT32, 'uint32'],
  [DataType.INT64, 'int64'],
  [DataType.UINT64, 'uint64'],
  [DataType.BOOL, 'bool'],
  [DataType.STRING, 'string'],
]);

/** The runtime's name of an ONNX element type; undefined for those that cannot cross its border. */
export function runtimeTypeOf(dataType: number): RuntimeType | undefined {
  return runtimeTypes.get(dataType);
}

/**
 * What has to be fed: the graph's inputs without those that an initializer gives a value.
 * @param dimensions sizes for symbolic dimensions.
 * @throws InputError when an input is not a tensor, or of a type that cannot be fed.
 */
export function modelInputs(graph: Graph, dimensions: Readonly<Record<string, number>> = {}): InputSpec[] {
  const initialized = new Set(graph.initializer.map(({ name }) => name));
  return graph.input.filter(({ name }) => !initialized.has(name)).map((info) => inputSpec(info, dimensions));
}

function inputSpec({ name, type }: ValueInfo, dimensions: Readonly<Record<string, number>>): InputSpec {
  const tensor = type?.tensorType;
  if (!tensor)
    throw new InputError(`Input ${name} is not a tensor: models with such inputs cannot be run here.`);
  const runtimeType = runtimeTypeOf(tensor.elemType);
  if (!runtimeType) {
    throw new InputError(
      `Input ${name} has element type ${dtypeName(tensor.elemType)}, which cannot be fed.`,
    );
  }
  const shape = tensor.shape?.dim.map((dim, axis) => sizeOf(dim, `${name}.${axis}`, dimensions)) ?? null;
  return { name, type: runtimeType, shape };
}

/** @param unnamed what a dimension without a name is called in `dimensions`, as in graph/shapes.ts. */
function sizeOf(
  { dimValue, dimParam }: Dimension,
  unnamed: string,
  dimensions: Readonly<Record<string, number>>,
): number | string | null {
  // Some exporters write -1 for a free dimension.
  if (dimValue !== undefined && dimValue >= 0) return dimValue;
  // Some exporters write an empty name for an unknown size.
  const key = dimParam || unnamed;
  const given = Object.hasOwn(dimensions, key) ? dimensions[key] : undefined;
  return given ?? (dimParam || null);
}
