import { InputError } from '../../core/errors';
import type { Feeds, RuntimeTensor, Sample } from '../../core/ports';
import type { DataSummary } from '../../core/results';
import { UNNAMED_ARRAY, type StoredArray } from './arrayFile';
import { checkTensor } from './checkFeeds';
import { fedAs, isConvertible } from './convertFloats';
import { describeSpec, describeTensor, nameList, type DataSet, type InputSpec } from './dataSet';

/** Key under which labels are found, unless the model has an input of that name. */
const LABELS = 'labels';

/** How one array is cut into samples. */
interface Column {
  readonly spec: InputSpec;
  readonly array: StoredArray;
  /** Rows of axis 0 per sample. */
  readonly rows: number;
  /** Shape of one sample. */
  readonly dims: readonly number[];
}

/**
 * A data set from arrays whose axis 0 counts samples.
 *
 * An array of the input's rank is cut along its batch axis: one row per sample, or as many as the model's fixed batch.
 * An array with one axis more holds whole inputs stacked. `labels` is 1-D (class indices) or N-D (class index per pixel).
 * A single unnamed array goes to the model's only input. Floating-point numbers are
 * rounded to the type that the input wants.
 * @throws InputError when names, types or shapes do not fit; `sample` when numbers do not fit the input's type.
 */
export async function arrayDataSet(
  data: string,
  kind: DataSummary['kind'],
  arrays: ReadonlyMap<string, StoredArray>,
  specs: readonly InputSpec[],
): Promise<DataSet> {
  const inputs = new Map(arrays);
  const labels = specs.some(({ name }) => name === LABELS) ? undefined : inputs.get(LABELS);
  if (labels) inputs.delete(LABELS);
  const [only] = specs;
  const unnamed = inputs.get(UNNAMED_ARRAY);
  if (only && unnamed && specs.length === 1 && inputs.size === 1 && only.name !== UNNAMED_ARRAY) {
    inputs.delete(UNNAMED_ARRAY);
    inputs.set(only.name, unnamed);
  }
  checkNames(data, inputs, specs);

  const sizes = new Map<string, number>();
  const columns = specs.map((spec): Column => {
    const array = inputs.get(spec.name);
    if (!array) throw new InputError(`${data} has no array for input ${spec.name}.`);
    return cut(spec, arrayFor(spec, array, `${spec.name} in ${data}`), sizes, data);
  });
  const length = sampleCount(data, columns);
  const rows = columns[0]?.rows ?? 1;
  // With a fixed batch above 1 a sample has many labels, which no metric here counts.
  const labelOf = labels && rows === 1 ? await labelReader(data, labels, length) : undefined;
  return {
    data,
    kind,
    length,
    labels: labelOf && labels ? (labelSize(labels) === 1 ? 'class' : 'pixel') : null,
    sample: async (index): Promise<Sample> => ({
      index,
      feeds: await feedsOf(columns, index),
      label: await labelOf?.(index),
    }),
  };
}

/** Floating-point numbers in the input's type, whatever else as it is. @param where what messages call the array. */
function arrayFor(spec: InputSpec, array: StoredArray, where: string): StoredArray {
  const { type, dims } = array;
  if (type === spec.type || !isConvertible(type, spec.type)) return array;
  return {
    type: spec.type,
    dims,
    slices: async (start, count) => {
      const tensor = { type, dims, data: await array.slices(start, count) };
      return fedAs(tensor, spec, `${where}, row ${start},`).data;
    },
  };
}

function checkNames(
  data: string,
  inputs: ReadonlyMap<string, StoredArray>,
  specs: readonly InputSpec[],
): void {
  const wanted = new Set(specs.map(({ name }) => name));
  const missing = specs.filter(({ name }) => !inputs.has(name));
  const unknown = [...inputs.keys()].filter((name) => !wanted.has(name));
  const arrays = nameList([...inputs].map(([name, array]) => `${name} (${describeTensor(array)})`));
  const [first] = missing;
  if (first) {
    throw new InputError(
      `Input ${first.name} wants ${describeSpec(first)}, but ${data} has no array of that name. ` +
        `Its arrays: ${arrays}. Name each array after an input.`,
    );
  }
  if (unknown.length > 0) {
    throw new InputError(
      `${data} has arrays that are no inputs of the model: ${nameList(unknown)}. ` +
        `The inputs: ${nameList(wanted)}; true classes are called "${LABELS}".`,
    );
  }
}

function cut(spec: InputSpec, array: StoredArray, sizes: Map<string, number>, data: string): Column {
  const where = `${spec.name} in ${data}`;
  const [length, ...rest] = array.dims;
  if (length === undefined)
    throw new InputError(`${where} is a single number; its first axis must count samples.`);
  const rank = spec.shape?.length ?? array.dims.length;
  if (array.dims.length === rank + 1) {
    checkTensor(spec, { type: array.type, dims: rest }, sizes, `each sample of ${where}`);
    return { spec, array, rows: 1, dims: rest };
  }
  const batch = spec.shape?.[0];
  const rows = typeof batch === 'number' && batch > 0 ? batch : 1;
  const dims = [rows, ...rest];
  if (array.dims.length !== rank) checkTensor(spec, array, sizes, where);
  checkTensor(spec, { type: array.type, dims }, sizes, where);
  return { spec, array, rows, dims };
}

function sampleCount(data: string, columns: readonly Column[]): number {
  const counts = columns.map(({ spec, array, rows }) => ({
    name: spec.name,
    count: Math.floor((array.dims[0] ?? 0) / rows),
  }));
  const [first] = counts;
  if (!first) throw new InputError('The model has no inputs: there is nothing to feed.');
  const other = counts.find(({ count }) => count !== first.count);
  if (other) {
    throw new InputError(
      `${data} has ${first.count} samples of ${first.name}, but ${other.count} of ${other.name}.`,
    );
  }
  if (first.count === 0) throw new InputError(`${data} has no samples.`);
  return first.count;
}

async function feedsOf(columns: readonly Column[], index: number): Promise<Feeds> {
  const feeds: Record<string, RuntimeTensor> = {};
  for (const { spec, array, rows, dims } of columns) {
    feeds[spec.name] = { type: array.type, dims, data: await array.slices(index * rows, rows) };
  }
  return feeds;
}

/** Labels per sample: 1 for classes, pixels otherwise. */
function labelSize({ dims }: StoredArray): number {
  return dims.slice(1).reduce((product, dim) => product * dim, 1);
}

async function labelReader(
  data: string,
  labels: StoredArray,
  length: number,
): Promise<(index: number) => Promise<number | Int32Array>> {
  const { dims, type } = labels;
  if (dims[0] !== length) {
    throw new InputError(`${data} has ${length} samples, but ${dims[0] ?? 0} labels.`);
  }
  if (type.startsWith('float') || type === 'string') {
    throw new InputError(`labels in ${data} are ${type}; they must be whole numbers, the class indices.`);
  }
  if (labelSize(labels) > 1) {
    return async (index) => Int32Array.from(await labels.slices(index, 1), Number);
  }
  const classes = await labels.slices(0, length);
  const wrong = Array.from(classes as ArrayLike<number | bigint>, Number).findIndex((label) => label < 0);
  if (wrong >= 0) {
    throw new InputError(
      `labels in ${data} hold ${String(classes[wrong])} at row ${wrong}; they must be the class indices, from 0.`,
    );
  }
  return async (index) => Number(classes[index]);
}
