/** What layers give, by brute force: an oracle that knows nothing of the product. Made on `onnx-proto` and ONNX Runtime. */
import onnxProto from 'onnx-proto';
import * as ort from 'onnxruntime-node';

const { ModelProto } = onnxProto.onnx;
export interface OracleTensor {
  readonly dims: readonly number[];
  readonly data: Float32Array;
}

type OracleFeeds = Readonly<Record<string, OracleTensor>>;

/** Runs with Q/DQ as float simulation and nothing fused. Gives what is float32. */
async function runBytes(bytes: Uint8Array, feeds: OracleFeeds): Promise<Record<string, OracleTensor>> {
  const session = await ort.InferenceSession.create(bytes, {
    graphOptimizationLevel: 'disabled',
    logSeverityLevel: 3,
    extra: { session: { disable_quant_qdq: '1' } },
  });
  const given = Object.fromEntries(
    session.inputNames.map((name) => {
      const feed = feeds[name];
      if (!feed) throw new Error(`no feed for ${name}`);
      return [name, new ort.Tensor('float32', feed.data, [...feed.dims])];
    }),
  );
  const results = await session.run(given);
  await session.release();
  return Object.fromEntries(
    Object.entries(results).flatMap(([name, { dims, data }]) =>
      data instanceof Float32Array ? [[name, { dims, data: data.slice() }] as const] : [],
    ),
  );
}

/** Values inside a model. */
export async function insideOf(
  bytes: Uint8Array,
  names: readonly string[],
  feeds: OracleFeeds,
): Promise<Record<string, OracleTensor>> {
  const model = ModelProto.decode(bytes);
  const { graph } = model;
  if (!graph) throw new Error('no graph');
  const outputs = (graph.output ?? []).map(({ name }) => name ?? '');
  for (const name of new Set(names)) {
    if (!outputs.includes(name)) graph.output = [...(graph.output ?? []), { name }];
  }
  return runBytes(ModelProto.encode(model).finish(), feeds);
}

/** What the part of a model between some values and another gives. */
export async function between(bytes: Uint8Array, given: OracleFeeds, to: string): Promise<OracleTensor> {
  const model = ModelProto.decode(bytes);
  const { graph } = model;
  if (!graph) throw new Error('no graph');
  const nodes = graph.node ?? [];
  const needed = new Set([to]);
  const kept = nodes
    .toReversed()
    .filter((node) => {
      if (!(node.output ?? []).some((value) => needed.has(value))) return false;
      for (const value of node.input ?? []) if (!(value in given)) needed.add(value);
      return true;
    })
    .toReversed();
  const read = new Set(kept.flatMap(({ input }) => input ?? []));
  graph.node = kept;
  graph.input = Object.entries(given)
    .filter(([name]) => read.has(name))
    .map(([name, { dims }]) => ({
      name,
      type: { tensorType: { elemType: 1, shape: { dim: dims.map((dimValue) => ({ dimValue })) } } },
    }));
  graph.output = [{ name: to }];
  graph.valueInfo = [];
  graph.initializer = (graph.initializer ?? []).filter(({ name }) => read.has(name ?? ''));
  const results = await runBytes(ModelProto.encode(model).finish(), given);
  const found = results[to];
  if (!found) throw new Error(`no ${to}`);
  return found;
}

/** The same model with every node and every value inside it under another name. Inputs, outputs and constants keep theirs. */
export function renamed(bytes: Uint8Array): Uint8Array {
  const model = ModelProto.decode(bytes);
  const { graph } = model;
  if (!graph) throw new Error('no graph');
  const outputs = new Set((graph.output ?? []).map(({ name }) => name));
  const names = new Map<string, string>();
  for (const [position, node] of (graph.node ?? []).entries()) {
    node.name = `other_${position}`;
    for (const value of node.output ?? []) {
      if (value !== '' && !outputs.has(value)) names.set(value, `value_${names.size}`);
    }
  }
  for (const node of graph.node ?? []) {
    node.input = (node.input ?? []).map((value) => names.get(value) ?? value);
    node.output = (node.output ?? []).map((value) => names.get(value) ?? value);
  }
  graph.valueInfo = [];
  return ModelProto.encode(model).finish();
}
