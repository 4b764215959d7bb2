import { copyFile, utimes } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { CancelledError } from '../../src/core/errors';
import { floatTensor, makeGraph, makeModel, makeNode, makeValueInfo } from '../../src/core/onnx/build';
import { DataType, type Model } from '../../src/core/onnx/types';
import { readGraph } from '../../src/engine/files/readGraph';
import { writeModelFile } from '../../src/engine/files/writeModelFile';
import { neighbours } from '../../src/engine/methods/neighbours';
import { quantizationOf } from '../../src/engine/methods/quantizationOf';
import { sourceOf } from '../../src/engine/methods/sourceOf';
import { temporaryFolders } from '../support/folder';

const sample = join(import.meta.dirname, '../../samples/mnist/mnist_cnn.onnx');
const temporaryFolder = temporaryFolders();
const call = { signal: new AbortController().signal, report: () => undefined };

/** Rows of 50 nodes, each of which reads the one before it. */
function chains(count: number): Model {
  const node = Array.from({ length: count }, (_, at) =>
    makeNode({
      opType: 'Add',
      name: `n${at}`,
      input: [at % 50 === 0 ? 'x' : `v${at - 1}`, 'w'],
      output: [`v${at}`],
    }),
  );
  const graph = makeGraph({
    node,
    initializer: [floatTensor('w', [1])],
    input: [makeValueInfo('x', DataType.FLOAT, [1, 8])],
    output: [makeValueInfo(`v${count - 1}`, DataType.FLOAT, [1, 8])],
  });
  return makeModel(graph, { opset: 21 });
}

describe('readGraph(request)', () => {
  it('reads a file once, and again when it or the dimensions have changed', async () => {
    const file = join(await temporaryFolder(), 'model.onnx');
    await copyFile(sample, file);
    const first = await readGraph({ file });
    expect(await readGraph({ file })).toBe(first);
    const sized = await readGraph({ file, dimensions: { batch: 3 } });
    expect(sized).not.toBe(first);
    expect(sized.index).toBe(first.index);
    expect(sized.index.main && sized.shapes.of(sized.index.main, 'input')).toEqual([3, 1, 28, 28]);
    await utimes(file, 1, 1);
    expect(await readGraph({ file, dimensions: { batch: 3 } })).not.toBe(sized);
    await expect(readGraph({ file: `${file}.none` })).rejects.toThrow(/none/);
  });

  it('reads a file once for those who ask at the same time, also when the first of them gives up', async () => {
    const file = join(await temporaryFolder(), 'model.onnx');
    await copyFile(sample, file);
    const abort = new AbortController();
    const given = readGraph({ file }, { signal: abort.signal });
    const waiting = [readGraph({ file }), readGraph({ file }), readGraph({ file, dimensions: { batch: 2 } })];
    abort.abort();
    await expect(given).rejects.toThrow(CancelledError);
    const [first, second, sized] = await Promise.all(waiting);
    expect(second).toBe(first);
    expect(sized?.index).toBe(first?.index);
  });

  it('lets rows of a graph of 100,000 nodes be asked about again in no time', async () => {
    const file = join(await temporaryFolder(), 'large.onnx');
    await writeModelFile(chains(100_000), file);
    await neighbours({ file, layer: 'n50', depth: 1 }, call);
    const times: number[] = [];
    for (const at of [125, 50_025, 99_975]) {
      const before = performance.now();
      const { nodes, isWhole } = await neighbours({ file, layer: `n${at}`, depth: 8 }, call);
      const { layer } = await quantizationOf({ file, layer: `n${at}` }, call);
      times.push(performance.now() - before);
      expect([nodes.length, isWhole, layer]).toEqual([17, true, `n${at}`]);
    }
    // Of several, so that a busy machine does not decide.
    expect(Math.min(...times)).toBeLessThan(100);
  });
});

describe('sourceOf', () => {
  it('tells the line of the script that the sample was exported by', async () => {
    const { frames, others } = await sourceOf({ file: sample, layer: 'node_linear_1' }, call);
    expect(frames).toEqual([
      {
        file: 'train_mnist.py',
        line: 18,
        function: 'forward',
        code: 'x=s.layer3(s.layer2(s.layer1(x))); return s.fc2(s.fc1(x.flatten(1)))',
      },
    ]);
    expect(others).toBe(1);
    await expect(sourceOf({ file: sample, layer: 'none' }, call)).rejects.toThrow(/no node none/);
  });
});
