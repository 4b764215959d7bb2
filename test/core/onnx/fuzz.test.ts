import { readFileSync } from 'node:fs';
import { expect, it } from 'vitest';
import { OnnxFileError } from '../../../src/core/errors';
import { MemorySink, MemorySource } from '../../../src/core/onnx/memory';
import { readModel } from '../../../src/core/onnx/read';
import { rawBytes } from '../../../src/core/onnx/tensor';
import { writeModel } from '../../../src/core/onnx/write';
import { uniform } from '../../support/random';
import { touchAll } from '../../support/touch';
import { bytesField, ids, modelBytes, nodeBytes, tensorBytes, varintField } from '../../support/wire';

const sample = readFileSync(new URL('../../../samples/mnist/mnist_cnn.onnx', import.meta.url));

/** A small model with something of everything, so that most mutations hit structure. */
const small = modelBytes(
  nodeBytes(
    'a',
    bytesField(ids.node.attribute, bytesField(1, 'ints'), bytesField(ids.attribute.ints, [1, 2, 0x80, 1])),
  ),
  nodeBytes('b', bytesField(ids.node.attribute, bytesField(ids.attribute.g, nodeBytes('inner')))),
  bytesField(
    ids.graph.initializer,
    tensorBytes({ dims: [2, 2], dataType: 1, more: [bytesField(ids.tensor.rawData, new Uint8Array(16))] }),
  ),
  bytesField(
    ids.graph.initializer,
    tensorBytes({ dims: [3], dataType: 7, more: [bytesField(ids.tensor.int64Data, [1, 2, 3])] }),
  ),
  bytesField(
    ids.graph.initializer,
    tensorBytes({
      dims: [3],
      dataType: 1,
      more: [
        bytesField(ids.tensor.externalData, bytesField(1, 'location'), bytesField(2, 'w.bin')),
        varintField(ids.tensor.dataLocation, 1),
      ],
    }),
  ),
);

/** Reads, reads every tensor, and writes. Only errors meant for the user may come out. */
async function survives(bytes: Uint8Array): Promise<boolean> {
  const expectError = (error: unknown) => {
    if (!(error instanceof OnnxFileError)) throw error;
  };
  try {
    const model = await readModel(new MemorySource(bytes));
    for (const tensor of model.graph?.initializer ?? []) await rawBytes(tensor).catch(expectError);
    const sink = new MemorySink();
    await writeModel(touchAll(model), sink, { keepExternal: true });
    return true;
  } catch (error) {
    expectError(error);
    return false;
  }
}

it.each([
  ['a small model', small, 3000, small.byteLength],
  // Its nodes come first; damage to weights would go unnoticed.
  ['the sample', sample, 60, 15_000],
])('a damaged copy of %s is read or refused with a clear error', async (_, original, rounds, damaged) => {
  const next = uniform(7);
  let read = 0;
  for (let round = 0; round < rounds; round++) {
    const bytes = Buffer.from(original);
    for (let damage = 0; damage <= 3 * next(); damage++) {
      bytes[Math.floor(next() * damaged)] = Math.floor(next() * 256);
    }
    if (await survives(bytes)) read += 1;
  }
  // Both outcomes must happen, or the test checks nothing.
  expect(read).toBeLessThan(rounds);
  expect(read).toBeGreaterThan(rounds / 20);
});
