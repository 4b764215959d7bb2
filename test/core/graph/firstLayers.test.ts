import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { InputError, OnnxFileError } from '../../../src/core/errors';
import { firstLayers } from '../../../src/core/graph/firstLayers';
import { indexGraph } from '../../../src/core/graph/graphIndex';
import { summarizeModel } from '../../../src/core/graph/summary';
import { MemorySource } from '../../../src/core/onnx/memory';
import { readModel } from '../../../src/core/onnx/read';
import type { Model } from '../../../src/core/onnx/types';
import { manyLayers } from '../../support/manyLayers';
import { onnxCorpora } from '../../support/onnxCorpus';

async function tryRead(file: string): Promise<Model | undefined> {
  try {
    return await readModel(new MemorySource(readFileSync(file), file));
  } catch (error) {
    if (error instanceof OnnxFileError) return undefined;
    throw error;
  }
}

describe.each(onnxCorpora())('of $name', ({ files }) => {
  it('are told as by the whole summary, wherever they end', async () => {
    let told = 0;
    for (const file of files) {
      const model = await tryRead(file);
      if (!model) continue;
      const dimensions = { batch: 2 };
      const { layers } = summarizeModel(indexGraph(model), { dimensions });
      const nodes = model.graph?.node.length ?? 0;
      for (const most of new Set([1, 2, 3, 7, Math.ceil(nodes / 3), Math.ceil(nodes / 2), nodes])) {
        // Without what the summary has found.
        const first = firstLayers(indexGraph({ ...model }), dimensions, most);
        const expected = layers.filter(({ index = nodes }) => index < Math.min(most, nodes));
        if (first.length > 0) expect(first, `${file}, ${most} nodes`).toEqual(expected);
        told += first.length;
      }
    }
    expect(told).toBeGreaterThan(0);
  });
});

describe('firstLayers(index, dimensions, mostNodes)', () => {
  it('tells the layers among the first nodes and no others', () => {
    const layers = firstLayers(indexGraph(manyLayers(1000)), {}, 9);
    expect(layers.map(({ name, macs }) => [name, macs])).toEqual([
      ['layer0', 64],
      ['layer1', 64],
      ['layer2', 64],
      ['layer3', 64],
    ]);
  });

  it('tells none where nodes stand before those that they need', () => {
    const model = manyLayers(20);
    const { graph } = model;
    if (!graph) throw new Error('The model has no graph.');
    const reversed = { ...model, graph: { ...graph, node: [...graph.node].reverse() } };
    expect(firstLayers(indexGraph(reversed), {}, 10)).toEqual([]);
  });

  it('refuses a dimension as the summary does', () => {
    expect(() => firstLayers(indexGraph(manyLayers(1)), { batch: 0.5 }, 10)).toThrow(InputError);
  });
});
