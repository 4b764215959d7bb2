import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { indexGraph } from '../../../src/core/graph/graphIndex';
import { inferShapes } from '../../../src/core/graph/shapes';
import { summarizeModel } from '../../../src/core/graph/summary';
import { OnnxFileError } from '../../../src/core/errors';
import { MemorySource } from '../../../src/core/onnx/memory';
import { readModel } from '../../../src/core/onnx/read';
import type { Model } from '../../../src/core/onnx/types';
import { onnxCorpora } from '../../support/onnxCorpus';

/** Files whose declared output is not what their nodes compute: broadcasting to another rank, or not possible at all. */
const misdeclared = /\/(high_rank_tensors|mixed_rank_broadcasting|unknown_rank_dynamic)\.onnx$/;

async function tryRead(file: string): Promise<Model | undefined> {
  try {
    return await readModel(new MemorySource(readFileSync(file), file));
  } catch (error) {
    // The reader's own tests say which files it refuses.
    if (error instanceof OnnxFileError) return undefined;
    throw error;
  }
}

/** The model without what the file says about values that nodes compute. */
function undeclared(model: Model): Model {
  const { graph } = model;
  if (!graph) return model;
  const output = graph.output.map(({ name }) => ({ name, docString: '', metadataProps: [] }));
  return { ...model, graph: { ...graph, output, valueInfo: [] } };
}

describe.each(onnxCorpora())('$name', ({ files }) => {
  it('can be summarized, and what is inferred agrees with what the files declare', async () => {
    const wrong: string[] = [];
    for (const file of files) {
      const model = await tryRead(file);
      if (!model) continue;
      const summary = summarizeModel(indexGraph(model));
      const names = [...summary.layers, ...summary.nodes].map(({ name }) => name);
      expect(new Set(names).size, `${file}: names repeat`).toBe(names.length);

      const index = indexGraph(undeclared(model));
      const shapes = inferShapes(index);
      for (const { name, type } of model.graph?.output ?? []) {
        const { main } = index;
        const declared = type?.tensorType;
        if (!main || !declared || misdeclared.test(file)) continue;
        const dtype = shapes.dtypeOf(main, name);
        const shape = shapes.of(main, name);
        const sizes = declared.shape?.dim.map(({ dimValue }) => dimValue);
        const fits =
          !shape ||
          !sizes ||
          (shape.length === sizes.length &&
            shape.every((dim, axis) => typeof dim !== 'number' || (sizes[axis] ?? dim) === dim));
        if (!fits || (dtype !== 0 && dtype !== declared.elemType)) {
          wrong.push(
            `${file} ${name}: ${dtype} [${shape?.join()}], declared ${declared.elemType} [${sizes?.join()}]`,
          );
        }
      }
    }
    expect(wrong).toEqual([]);
  });
});
