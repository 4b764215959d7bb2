import { describe, expect, it } from 'vitest';
import { makeAttribute, makeGraph, makeModel, makeNode, makeTensor } from '../../../src/core/onnx/build';
import { embedExternal, mapTensors, moveToExternal } from '../../../src/core/onnx/external';
import { MemorySink, MemorySource } from '../../../src/core/onnx/memory';
import { derive } from '../../../src/core/onnx/origin';
import type { Payload } from '../../../src/core/onnx/payload';
import { readModel } from '../../../src/core/onnx/read';
import { readFloat32 } from '../../../src/core/onnx/tensor';
import { DataType, type Model, type Tensor } from '../../../src/core/onnx/types';
import { modelSize, writeModel } from '../../../src/core/onnx/write';
import type { ByteSink } from '../../../src/core/ports';
import { touchAll } from '../../support/touch';

const weight = (name: string, size: number): Tensor =>
  makeTensor(name, DataType.UINT8, [size], new Uint8Array(size).fill(name.charCodeAt(0)));

/** Tensors at every place where a tensor can be. */
function everywhere(): Model {
  const inner = makeGraph({ initializer: [weight('b', 2000)] });
  const constant = makeNode({
    opType: 'Constant',
    input: [],
    output: ['c'],
    attributes: { value: weight('c', 2000) },
  });
  const branch = makeNode({ opType: 'If', input: ['x'], output: ['y'], attributes: { then_branch: inner } });
  const listed = derive(makeNode({ opType: 'Custom', input: [], output: [] }), {
    attribute: [{ ...makeAttribute('many', 0n), type: 9, tensors: [weight('d', 10), weight('e', 2000)] }],
  });
  return {
    ...makeModel(
      makeGraph({
        node: [constant, branch, listed],
        initializer: [weight('a', 2000), weight('s', 4)],
        sparseInitializer: [{ values: weight('v', 1500), indices: weight('i', 8), dims: [9] }],
      }),
    ),
    functions: [
      {
        name: 'f',
        domain: 'local',
        overload: '',
        input: [],
        output: [],
        attribute: [],
        attributeProto: [makeAttribute('k', weight('f', 3000))],
        node: [constant],
        docString: '',
        opsetImport: [],
        valueInfo: [],
        metadataProps: [],
      },
    ],
  };
}

describe('mapTensors(model, visit)', () => {
  it('visits every tensor at any depth with its role', () => {
    const seen: string[] = [];
    mapTensors(everywhere(), (tensor, role) => {
      seen.push(`${tensor.name} ${role}`);
      return tensor;
    });
    expect(seen.sort()).toEqual(
      [
        'a initializer',
        'b initializer',
        's initializer',
        ...['c', 'c', 'd', 'e', 'f', 'i', 'v'].map((name) => `${name} other`),
      ].sort(),
    );
  });

  it('keeps the model when nothing changes, and every part around what does', () => {
    const model = everywhere();
    expect(mapTensors(model, (tensor) => tensor)).toBe(model);
    const changed = mapTensors(model, (tensor) =>
      tensor.name === 'b' ? derive(tensor, { docString: 'x' }) : tensor,
    );
    expect(changed).not.toBe(model);
    expect(changed.functions).toBe(model.functions);
    expect(changed.graph?.node[0]).toBe(model.graph?.node[0]);
    expect(changed.graph?.node[1]?.attribute[0]?.g?.initializer[0]?.docString).toBe('x');
  });
});

describe('moveToExternal(model, location)', () => {
  it('moves initializers of a kilobyte and more, each to the start of a page', () => {
    const { model, placed, bytes } = moveToExternal(everywhere(), 'm.data');
    expect(placed.map(({ offset, payload }) => [offset, payload.byteLength])).toEqual([
      [0, 2000],
      [4096, 2000],
    ]);
    expect(bytes).toBe(6096);
    const names: string[] = [];
    mapTensors(model, (tensor) => {
      if (tensor.dataLocation === 1) names.push(tensor.name);
      return tensor;
    });
    expect(names.sort()).toEqual(['a', 'b']);
  });
});

/** Notes the first byte of every 64 KiB, and keeps nothing else. */
class Ruler implements ByteSink {
  size = 0;
  readonly marks = new Map<number, number>();

  async write(bytes: Uint8Array): Promise<void> {
    const step = 64 * 1024;
    for (let at = Math.ceil(this.size / step) * step; at < this.size + bytes.byteLength; at += step) {
      this.marks.set(at, bytes[at - this.size] ?? -1);
    }
    this.size += bytes.byteLength;
  }
}

describe('writeModel beyond 2 GiB', () => {
  const chunk = 1024 * 1024 * 1024;
  const blocks = [1, 2, 3].map((value) => new Uint8Array(4 * 1024 * 1024).fill(value));
  const large = (value: number): Payload => ({
    byteLength: chunk,
    read: async (_offset, length = 0) => (blocks[value - 1] ?? new Uint8Array(0)).subarray(0, length),
  });
  const model = makeModel(
    makeGraph({
      initializer: [1, 2, 3].map((value) => makeTensor(`w${value}`, DataType.UINT8, [chunk], large(value))),
    }),
  );

  it('is refused without a place for the data', async () => {
    expect(await modelSize(model)).toBeGreaterThan(3 * chunk);
    await expect(writeModel(model, new MemorySink())).rejects.toThrow(
      /^The model would take 32212\d+ bytes in one file, and ONNX files end at 2 GiB/,
    );
  });

  it('streams the payloads to the data file and names them in the model', async () => {
    const sink = new MemorySink();
    const data = new Ruler();
    const written = await writeModel(model, sink, { external: { sink: data, location: 'big.data' } });
    expect(written).toEqual({ bytes: sink.bytes().byteLength, externalBytes: 3 * chunk });
    expect(data.size).toBe(3 * chunk);
    expect([0, chunk - 65536, chunk, 2 * chunk, 3 * chunk - 65536].map((at) => data.marks.get(at))).toEqual([
      1, 1, 2, 3, 3,
    ]);
    const again = await readModel(new MemorySource(sink.bytes()));
    expect(
      again.graph?.initializer.map(({ externalData }) => externalData.map(({ value }) => value)),
    ).toEqual([0, 1, 2].map((index) => ['big.data', String(index * chunk), String(chunk)]));
  });
});

describe('embedExternal(model)', () => {
  it('makes a model that needs no other file, also after edits', async () => {
    const data = new Uint8Array(Float32Array.of(1, 2, 3).buffer);
    const external = makeModel(
      makeGraph({
        initializer: [
          derive(makeTensor('w', DataType.FLOAT, [2], new Uint8Array(0)), {
            rawData: undefined,
            dataLocation: 1,
            externalData: [
              { key: 'location', value: 'w.bin' },
              { key: 'offset', value: '4' },
            ],
          }),
        ],
      }),
    );
    const file = new MemorySink();
    await writeModel(external, file, { keepExternal: true });
    const model = await readModel(new MemorySource(file.bytes()), {
      resolveExternal: async (location) => new MemorySource(data, location),
    });
    for (const version of [embedExternal(model), model, touchAll(model)]) {
      const sink = new MemorySink();
      await writeModel(version, sink);
      const [tensor] = (await readModel(new MemorySource(sink.bytes()))).graph?.initializer ?? [];
      if (!tensor) throw new Error('no tensor');
      expect(tensor.dataLocation).toBe(0);
      expect(tensor.externalData).toEqual([]);
      expect(Array.from(await readFloat32(tensor))).toEqual([2, 3]);
    }
    const kept = new MemorySink();
    await writeModel(model, kept, { keepExternal: true });
    expect(kept.bytes()).toEqual(file.bytes());
  });

  it('a tensor with new bytes is embedded even when external ones are kept', async () => {
    const old = derive(makeTensor('w', DataType.FLOAT, [1], new Uint8Array(4)), {
      dataLocation: 1,
      externalData: [{ key: 'location', value: 'w.bin' }],
    });
    const sink = new MemorySink();
    await writeModel(makeModel(makeGraph({ initializer: [old] })), sink, { keepExternal: true });
    const [tensor] = (await readModel(new MemorySource(sink.bytes()))).graph?.initializer ?? [];
    expect(tensor?.dataLocation).toBe(0);
    expect(tensor?.rawData?.byteLength).toBe(4);
  });
});
