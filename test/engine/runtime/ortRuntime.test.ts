import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it, vi } from 'vitest';
import {
  floatTensor,
  makeGraph,
  makeModel,
  makeNode,
  makeTensor,
  makeValueInfo,
} from '../../../src/core/onnx/build';
import { DataType, type Model, type ValueInfo } from '../../../src/core/onnx/types';
import type { Feeds } from '../../../src/core/ports';
import { RuntimeFailure } from '../../../src/engine/engineErrors';
import { openRuntime } from '../../../src/engine/runtime/ortRuntime';
import { temporaryFolders } from '../../support/folder';

const newFolder = temporaryFolders();

const x = { x: { type: 'float32', dims: [1, 2], data: Float32Array.of(1, -2) } } satisfies Feeds;
const input = makeValueInfo('x', DataType.FLOAT, [1, 2]);

async function run(model: Model, feeds: Feeds, fetches?: readonly string[]): Promise<Feeds> {
  const session = await (await openRuntime()).openModel(model, { optimization: 'full' });
  try {
    return await session.run(feeds, fetches);
  } finally {
    await session.release();
  }
}

const int4Output = makeModel(
  makeGraph({
    input: [input],
    output: [makeValueInfo('codes', DataType.INT4, [1, 2]), makeValueInfo('y', DataType.FLOAT, [1, 2])],
    initializer: [floatTensor('scale', [1], []), makeTensor('zero', DataType.INT4, [], Uint8Array.of(0))],
    node: [
      makeNode({ opType: 'QuantizeLinear', input: ['x', 'scale', 'zero'], output: ['codes'] }),
      makeNode({ opType: 'Relu', input: ['x'], output: ['y'] }),
    ],
  }),
  { opset: 21 },
);

describe('OrtRuntime', () => {
  it('tells its version', async () => {
    expect((await openRuntime()).version).toMatch(/^onnxruntime-node 1\.\d+\.\d+ \(cpu\)$/);
  });

  it('refuses to fetch int4 outputs, which would end the process, and runs the others', async () => {
    await expect(run(int4Output, x)).rejects.toThrow(RuntimeFailure);
    await expect(run(int4Output, x)).rejects.toThrow(
      /its output codes has type int4, which crashes ONNX Runtime/,
    );
    expect((await run(int4Output, x, ['y']))['y']?.data).toEqual(Float32Array.of(1, 0));
  });

  it('refuses to fetch outputs that are not tensors', async () => {
    const elemType = input.type;
    const list: ValueInfo = {
      name: 'list',
      docString: '',
      metadataProps: [],
      type: { denotation: '', optionalType: { elemType: { denotation: '', sequenceType: { elemType } } } },
    };
    const model = makeModel(
      makeGraph({
        input: [input],
        output: [list],
        node: [
          makeNode({ opType: 'SequenceConstruct', input: ['x'], output: ['sequence'] }),
          makeNode({ opType: 'Optional', input: ['sequence'], output: ['list'] }),
        ],
      }),
    );
    await expect(run(model, x)).rejects.toThrow(/its output list is a sequence, map or optional/);
  });

  it('names the node that cannot be loaded', async () => {
    const node = makeNode({ opType: 'Frobnicate', name: 'the node', input: ['x'], output: ['y'] });
    const model = makeModel(
      makeGraph({ input: [input], output: [makeValueInfo('y', DataType.FLOAT)], node: [node] }),
    );
    await expect(run(model, x)).rejects.toThrow(/could not load the model.*Frobnicate/);
  });

  it('names the node that fails in a run, without source positions of the build', async () => {
    const model = makeModel(
      makeGraph({
        input: [makeValueInfo('x', DataType.FLOAT, [null, null])],
        output: [makeValueInfo('y', DataType.FLOAT)],
        initializer: [floatTensor('w', [1, 2, 3, 4, 5, 6], [3, 2])],
        node: [makeNode({ opType: 'MatMul', name: 'my matmul', input: ['x', 'w'], output: ['y'] })],
      }),
    );
    const failure = run(model, x);
    await expect(failure).rejects.toThrow(/could not run the model at node my matmul: /);
    await expect(failure).rejects.not.toThrow(/onnxruntime_src|\.cc:/);
  });

  it('names an input with the wrong type', async () => {
    const wrong: Feeds = { x: { type: 'int32', dims: [1, 2], data: Int32Array.of(1, 2) } };
    await expect(run(int4Output, wrong, ['y'])).rejects.toThrow(/could not run the model.*int32.*float/s);
  });

  it('carries float16 as bits, both ways', async () => {
    const half = (name: string) => makeValueInfo(name, DataType.FLOAT16, [1, 2]);
    const model = makeModel(
      makeGraph({
        input: [half('x')],
        output: [half('y')],
        node: [makeNode({ opType: 'Neg', input: ['x'], output: ['y'] })],
      }),
    );
    const bits: Feeds = { x: { type: 'float16', dims: [1, 2], data: Uint16Array.of(0x3c00, 0xc000) } };
    expect(await run(model, bits)).toEqual({
      y: { type: 'float16', dims: [1, 2], data: Uint16Array.of(0xbc00, 0x4000) },
    });
  });

  it('hands larger models over in a temporary file, which it removes', async () => {
    // A place of its own: other tests make temporary folders too.
    const temporary = await newFolder();
    vi.stubEnv('TMPDIR', temporary);
    const session = await (await openRuntime(10)).openModel(int4Output, { optimization: 'full' });
    expect(readdirSync(temporary)).toHaveLength(1);
    expect((await session.run(x, ['y']))['y']?.data).toEqual(Float32Array.of(1, 0));
    await session.release();
    expect(readdirSync(temporary)).toEqual([]);
    vi.unstubAllEnvs();
  });

  it('hands larger models over in memory where no file can be written', async () => {
    vi.stubEnv('TMPDIR', join(await newFolder(), 'missing'));
    const session = await (await openRuntime(10)).openModel(int4Output, { optimization: 'full' });
    expect((await session.run(x, ['y']))['y']?.data).toEqual(Float32Array.of(1, 0));
    await session.release();
    vi.unstubAllEnvs();
  });
});
