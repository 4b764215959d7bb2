/** Every model at hand computes the same after its opset was raised, or is refused by the name of an operator. */
import { readFileSync } from 'node:fs';
import { basename } from 'node:path';
import { describe, expect, it } from 'vitest';
import { indexGraph } from '../../../src/core/graph/graphIndex';
import { InputError } from '../../../src/core/errors';
import { MemorySource } from '../../../src/core/onnx/memory';
import { readModel } from '../../../src/core/onnx/read';
import { DataType, type Model, type ValueInfo } from '../../../src/core/onnx/types';
import type { Feeds, RuntimeTensor } from '../../../src/core/ports';
import { defaultOpset, raiseOpset } from '../../../src/core/rewrite/opset';
import { onnxCorpora } from '../../support/onnxCorpus';
import { uniform } from '../../support/random';
import { runtime } from '../../support/runtime';

const random = uniform(11);

/** Something small to feed; undefined for types that these models do not take. */
function feedFor({ type }: ValueInfo): RuntimeTensor | undefined {
  const tensor = type?.tensorType;
  const dims = (tensor?.shape?.dim ?? []).map(({ dimValue }) =>
    dimValue !== undefined && dimValue > 0 ? Number(dimValue) : 1,
  );
  const length = dims.reduce((product, size) => product * size, 1);
  switch (tensor?.elemType) {
    case DataType.FLOAT:
      return { type: 'float32', dims, data: Float32Array.from({ length }, () => 2 * random() - 1) };
    case DataType.FLOAT16:
      return {
        type: 'float16',
        dims,
        data: Uint16Array.from({ length }, () => 0x3000 + Math.floor(2000 * random())),
      };
    case DataType.INT64:
      return {
        type: 'int64',
        dims,
        data: BigInt64Array.from({ length }, () => BigInt(Math.floor(3 * random()))),
      };
    case DataType.BOOL:
      return { type: 'bool', dims, data: new Uint8Array(length).fill(1) };
    default:
      return undefined;
  }
}

function feedsFor(model: Model): Feeds | undefined {
  const index = indexGraph(model);
  const feeds: Record<string, RuntimeTensor> = {};
  for (const input of model.graph?.input ?? []) {
    if (!index.main || !index.isInput(index.main, input.name)) continue;
    const feed = feedFor(input);
    if (!feed) return undefined;
    feeds[input.name] = feed;
  }
  return feeds;
}

/** Undefined when the runtime cannot run the model with these feeds. */
async function outputs(model: Model, feeds: Feeds): Promise<Record<string, RuntimeTensor> | undefined> {
  try {
    const session = await runtime.openModel(model, { optimization: 'none' });
    try {
      return await session.run(feeds);
    } finally {
      await session.release();
    }
  } catch {
    return undefined;
  }
}

function expectSame(after: Record<string, RuntimeTensor>, before: Record<string, RuntimeTensor>): void {
  expect(Object.keys(after)).toEqual(Object.keys(before));
  for (const [name, { type, dims, data }] of Object.entries(before)) {
    const other = after[name];
    expect([other?.type, other?.dims, other?.data.length]).toEqual([type, dims, data.length]);
    for (let i = 0; i < data.length; i++) {
      const [a, b] = [Number(data[i]), Number(other?.data[i])];
      // float16 is compared by its bits: one apart is rounding.
      const allowed = type === 'float16' ? 1 : 1e-5;
      if (Math.abs(a - b) > allowed) expect(b, `${name}[${i}]`).toBe(a);
    }
  }
}

describe.each(onnxCorpora())('models of $name', ({ files }) => {
  // The thousand models of single operators take minutes, and the adapters have cases of their own.
  const chosen = files.filter((file) => !file.includes('/node/'));

  it.each(chosen.map((file) => [basename(file), file]))('%s', async (_name, file) => {
    const model = await readModel(new MemorySource(readFileSync(file))).catch(() => undefined);
    const opset = model && defaultOpset(model.opsetImport);
    if (!model || opset === undefined || opset >= 21) return;
    const feeds = feedsFor(model);
    const before = feeds && (await outputs(model, feeds));
    for (const target of [13, 21].filter((each) => each > opset)) {
      let raised: Model;
      try {
        raised = raiseOpset(model, target).model;
      } catch (error) {
        expect(error).toBeInstanceOf(InputError);
        expect((error as InputError).message).toMatch(/^\S+ \(\w+\) cannot be raised to opset \d+/);
        continue;
      }
      if (!feeds || !before) continue;
      const after = await outputs(raised, feeds);
      if (!after) throw new Error(`raised to ${target} it does not run`);
      expectSame(after, before);
    }
  });
});
