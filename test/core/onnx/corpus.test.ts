import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { MemorySink, MemorySource } from '../../../src/core/onnx/memory';
import { derive } from '../../../src/core/onnx/origin';
import { readModel } from '../../../src/core/onnx/read';
import type { Model } from '../../../src/core/onnx/types';
import { modelSize, writeModel } from '../../../src/core/onnx/write';
import { onlyNodeChanged } from '../../support/nodeEdit';
import { onnxCorpora } from '../../support/onnxCorpus';
import { differences, oracleDecode } from '../../support/oracle';
import { cloneAll, touchAll } from '../../support/touch';

async function written(model: Model): Promise<Uint8Array> {
  const sink = new MemorySink();
  await writeModel(model, sink, { keepExternal: true });
  return sink.bytes();
}

/** Runs `check` on every file and gives the files for which it is false. */
async function failing(
  files: readonly string[],
  check: (model: Model, bytes: Uint8Array) => Promise<boolean>,
): Promise<string[]> {
  const failed: string[] = [];
  for (const file of files) {
    const bytes = readFileSync(file);
    const model = await readModel(new MemorySource(bytes, file));
    if (!(await check(model, bytes))) failed.push(file);
  }
  return failed;
}

describe.each(onnxCorpora())('$name', ({ files }) => {
  it('has files', () => expect(files.length).toBeGreaterThan(0));

  it('is written as it was read', async () => {
    const same = async (model: Model, bytes: Uint8Array) => Buffer.compare(await written(model), bytes) === 0;
    expect(await failing(files, same)).toEqual([]);
  });

  it('is the same bytes when every message is taken apart and put together', async () => {
    const same = async (model: Model, bytes: Uint8Array) =>
      Buffer.compare(await written(touchAll(model)), bytes) === 0;
    expect(await failing(files, same)).toEqual([]);
  });

  it('changes one node and the enclosing lengths when one node is edited', async () => {
    const failed = await failing(files, async (model, bytes) => {
      const { graph } = model;
      if (!graph) return false;
      // The first, a middle and the last node.
      const { length } = graph.node;
      for (const index of new Set([0, length >> 1, length - 1])) {
        const node = graph.node[index];
        if (!node) continue;
        const edited = derive(node, { opType: `${node.opType}Edited`, output: [...node.output, 'extra'] });
        const result = await written(
          derive(model, {
            graph: derive(graph, { node: graph.node.map((one) => (one === node ? edited : one)) }),
          }),
        );
        if (!onlyNodeChanged(bytes, result, graph, node)) return false;
        const again = (await readModel(new MemorySource(result))).graph?.node[index];
        if (again?.opType !== edited.opType || again.output.at(-1) !== 'extra') return false;
      }
      return true;
    });
    expect(failed).toEqual([]);
  });

  it('is read as the independent decoder reads it', async () => {
    const failed = await failing(files, async (model, bytes) => {
      const found = await differences(model, oracleDecode(bytes));
      if (found.length) process.stdout.write(`${found.slice(0, 5).join('\n')}\n`);
      return found.length === 0;
    });
    expect(failed).toEqual([]);
  });

  it('says the same to the independent decoder after everything was encoded anew', async () => {
    const failed = await failing(files, async (model, bytes) => {
      const again = await written(cloneAll(model));
      const read = await readModel(new MemorySource(again));
      const found = [
        ...(await differences(read, oracleDecode(bytes))),
        ...(await differences(model, oracleDecode(again))),
      ];
      if (found.length) process.stdout.write(`${found.slice(0, 5).join('\n')}\n`);
      return found.length === 0;
    });
    expect(failed).toEqual([]);
  });

  it('measures what a complete copy takes', async () => {
    const failed = await failing(files, async (model, bytes) => {
      const external = model.graph?.initializer.some((tensor) => tensor.dataLocation === 1);
      return external === true || (await modelSize(model)) === bytes.byteLength;
    });
    expect(failed).toEqual([]);
  });
});
