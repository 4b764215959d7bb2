import { readFileSync } from 'node:fs';
import { beforeAll, describe, expect, it } from 'vitest';
import { floatTensor, makeNode, makeTensor } from '../../../src/core/onnx/build';
import { MemorySink, MemorySource } from '../../../src/core/onnx/memory';
import { derive } from '../../../src/core/onnx/origin';
import { ComputedPayload } from '../../../src/core/onnx/payload';
import { readModel } from '../../../src/core/onnx/read';
import { DataType, type Graph, type Model, type Node } from '../../../src/core/onnx/types';
import { modelSize, writeModel } from '../../../src/core/onnx/write';
import {
  bytesField,
  concat,
  ids,
  modelBytes,
  nodeBytes,
  tensorBytes,
  varint,
  varintField,
} from '../../support/wire';
import { onlyNodeChanged } from '../../support/nodeEdit';

const sample = readFileSync(new URL('../../../samples/mnist/mnist_cnn.onnx', import.meta.url));

async function read(bytes: Uint8Array): Promise<Model & { graph: Graph }> {
  const model = await readModel(new MemorySource(bytes));
  if (!model.graph) throw new Error('no graph');
  return { ...model, graph: model.graph };
}

async function write(model: Model): Promise<Uint8Array> {
  const sink = new MemorySink();
  await writeModel(model, sink);
  return sink.bytes();
}

/** The written model after `change` was applied to the graph that `bytes` holds. */
async function edited(bytes: Uint8Array, change: (graph: Graph) => Partial<Graph>): Promise<Uint8Array> {
  const model = await readModel(new MemorySource(bytes));
  if (!model.graph) throw new Error('no graph');
  return write(derive(model, { graph: derive(model.graph, change(model.graph)) }));
}

function withNode(graph: Graph, index: number, changes: Partial<Node>): Partial<Graph> {
  return { node: graph.node.map((node, at) => (at === index ? derive(node, changes) : node)) };
}

describe('a changed node', () => {
  let graph: Graph;
  beforeAll(async () => {
    graph = (await read(sample)).graph;
  });

  it('changes only its own bytes and the enclosing lengths', async () => {
    for (const [index, node] of graph.node.entries()) {
      const name = `${node.name}+`;
      const result = Buffer.from(await edited(sample, (current) => withNode(current, index, { name })));
      expect(onlyNodeChanged(sample, result, graph, node)).toBe(true);
      const growth = result.byteLength - sample.byteLength;
      expect(growth).toBeLessThanOrEqual(3);
    }
  });

  it('reads back with that change and no other', async () => {
    const again = await read(await edited(sample, (current) => withNode(current, 2, { name: 'renamed' })));
    expect(again.graph.node[2]?.name).toBe('renamed');
    const others = again.graph.node.filter((_, index) => index !== 2);
    expect(others).toEqual(graph.node.filter((_, index) => index !== 2));
  });

  it('keeps its bytes when a list is replaced by an equal one', async () => {
    const result = await edited(sample, (current) => ({
      node: current.node.map((node) => derive(node, { input: [...node.input], output: [...node.output] })),
    }));
    expect(Buffer.compare(result, sample)).toBe(0);
  });
});

describe('a changed list of messages', () => {
  const unknownField = bytesField(100, 'kept');
  // An overlong length and an unknown field show whether a node was copied or encoded.
  const odd = (name: string) => {
    const body = concat(
      bytesField(ids.node.name, name),
      bytesField(ids.node.opType, 'Relu'),
      varintField(99, 7),
    );
    return concat([ids.graph.node * 8 + 2, (body.byteLength % 128) | 128, 0], body);
  };
  const file = modelBytes(odd('a'), bytesField(ids.graph.name, 'g'), odd('b'), unknownField, odd('c'));
  const fresh = (name: string) => makeNode({ opType: 'Relu', input: ['x'], output: ['y'], name });
  const freshBytes = (name: string) => nodeBytes(name);

  it('drops a deleted element and nothing else', async () => {
    const result = await edited(file, (graph) => ({ node: graph.node.filter(({ name }) => name !== 'b') }));
    const expected = modelBytes(odd('a'), bytesField(ids.graph.name, 'g'), unknownField, odd('c'));
    expect(Buffer.compare(result, expected)).toBe(0);
  });

  it('puts a new element before the one that follows it, or last', async () => {
    const result = await edited(file, ({ node: [a, b, c] }) => ({
      node: [fresh('0'), ...[a, b, fresh('1'), c, fresh('2')].filter((node) => node !== undefined)],
    }));
    const expected = modelBytes(
      freshBytes('0'),
      odd('a'),
      bytesField(ids.graph.name, 'g'),
      odd('b'),
      unknownField,
      freshBytes('1'),
      odd('c'),
      freshBytes('2'),
    );
    expect(Buffer.from(result).toString('latin1')).toBe(Buffer.from(expected).toString('latin1'));
  });

  it('takes more new elements at the end than a call can have arguments', async () => {
    const added = Array.from({ length: 140_000 }, () =>
      makeNode({ opType: 'Relu', input: ['x'], output: ['y'] }),
    );
    const result = await edited(sample, (graph) => ({ node: [...graph.node, ...added] }));
    expect((await read(result)).graph.node.at(-1)?.opType).toBe('Relu');
  });

  it('replaces all elements', async () => {
    const again = await read(await edited(file, () => ({ node: [fresh('only')] })));
    expect(again.graph.node.map(({ name }) => name)).toEqual(['only']);
    expect(again.graph.name).toBe('g');
  });

  it('takes a new order', async () => {
    const result = await edited(file, (graph) => ({ node: [...graph.node].reverse() }));
    const again = await read(result);
    expect(again.graph.node.map(({ name }) => name)).toEqual(['c', 'b', 'a']);
    expect(Buffer.from(result).includes(Buffer.from(unknownField))).toBe(true);
  });

  it('starts a list that the file did not have in the order of field numbers', async () => {
    const result = await edited(file, () => ({ initializer: [floatTensor('w', [1, 2])], docString: 'd' }));
    const again = await read(result);
    expect(again.graph.initializer.map(({ name }) => name)).toEqual(['w']);
    expect(again.graph.docString).toBe('d');
    // Field 100 came later than 5 and 10.
    const text = Buffer.from(result).toString('latin1');
    expect(text.indexOf('kept')).toBeGreaterThan(text.indexOf('w'));
  });

  it('carries elements from another file', async () => {
    const other = await read(sample);
    const [weight] = other.graph.initializer;
    if (!weight) throw new Error('no weight');
    const again = await read(await edited(file, () => ({ initializer: [weight] })));
    const [copied] = again.graph.initializer;
    expect(copied?.name).toBe(weight.name);
    expect(await copied?.rawData?.read()).toEqual(new Uint8Array(await readAll(weight.rawData)));
  });
});

async function readAll(payload: { read(): Promise<Uint8Array> } | undefined): Promise<Uint8Array> {
  if (!payload) throw new Error('no payload');
  return payload.read();
}

describe('unknown and odd content', () => {
  it('survives in every message that is edited', async () => {
    const attribute = bytesField(
      ids.node.attribute,
      bytesField(ids.attribute.name, 'k'),
      varintField(15000, 3),
    );
    const file = modelBytes(
      nodeBytes('n', attribute, bytesField(777, 'node')),
      bytesField(19001, 'reserved'),
    );
    const result = await edited(file, (graph) => ({
      name: 'new',
      node: graph.node.map((node) =>
        derive(node, { attribute: node.attribute.map((one) => derive(one, { docString: 'x' })) }),
      ),
    }));
    for (const kept of [varintField(15000, 3), bytesField(777, 'node'), bytesField(19001, 'reserved')]) {
      expect(Buffer.from(result).includes(kept)).toBe(true);
    }
    expect((await read(result)).graph.node[0]?.attribute[0]?.docString).toBe('x');
  });

  it('keeps int64 exact', async () => {
    const values = [2n ** 63n - 1n, -(2n ** 63n), 2n ** 53n + 1n];
    const ints = concat(...values.map((value) => varintField(ids.attribute.ints, value)));
    const packed = bytesField(ids.attribute.ints, ...values.map(varint));
    for (const content of [ints, packed]) {
      const file = modelBytes(
        nodeBytes(
          'n',
          bytesField(ids.node.attribute, content, varintField(ids.attribute.i, values[0] ?? 0n)),
        ),
      );
      const attribute = (await read(file)).graph.node[0]?.attribute[0];
      expect(attribute?.ints).toEqual(values);
      expect(attribute?.i).toBe(values[0]);
      const again = await read(
        await edited(file, (graph) =>
          withNode(graph, 0, { attribute: [{ ...attribute, docString: 'new object' } as never] }),
        ),
      );
      expect(again.graph.node[0]?.attribute[0]?.ints).toEqual(values);
    }
  });

  it('keeps bytes that are not UTF-8 in nodes that are edited elsewhere', async () => {
    const invalid = [0xff, 0xfe, 0x41];
    const file = modelBytes(nodeBytes('n', bytesField(6, invalid)));
    const result = await edited(file, (graph) => withNode(graph, 0, { name: 'm' }));
    expect(Buffer.from(result).includes(Buffer.from(invalid))).toBe(true);
  });

  it('replaces a payload by one that is computed when written', async () => {
    const tensor = tensorBytes({
      dims: [4],
      dataType: DataType.FLOAT,
      more: [bytesField(ids.tensor.rawData, new Uint8Array(16))],
    });
    const file = modelBytes(bytesField(ids.graph.initializer, tensor));
    let computed = 0;
    const payload = new ComputedPayload(4, async () => {
      computed += 1;
      return Uint8Array.of(1, 2, 3, 4);
    });
    const model = await read(file);
    const changed = derive(await readModel(new MemorySource(file)), {
      graph: derive(model.graph, {
        initializer: model.graph.initializer.map((one) =>
          derive(one, { dataType: DataType.INT8, rawData: payload }),
        ),
      }),
    });
    expect(await modelSize(changed)).toBe(file.byteLength - 12);
    expect(computed).toBe(0);
    const again = await read(await write(changed));
    expect(computed).toBe(1);
    expect(await readAll(again.graph.initializer[0]?.rawData)).toEqual(Uint8Array.of(1, 2, 3, 4));
    expect(again.graph.initializer[0]?.dataType).toBe(DataType.INT8);
  });

  it('writes attribute values that equal the default, which checkers look for', async () => {
    const node = makeNode({
      opType: 'Concat',
      input: ['x'],
      output: ['y'],
      attributes: { axis: { int: 0 }, alpha: { float: 0 } },
    });
    const result = await edited(modelBytes(), () => ({
      node: [node],
      initializer: [makeTensor('e', DataType.FLOAT, [0], new Uint8Array(0))],
    }));
    expect(Buffer.from(result).includes(varintField(ids.attribute.i, 0))).toBe(true);
    expect(Buffer.from(result).includes(concat([ids.tensor.rawData * 8 + 2, 0]))).toBe(true);
  });
});
