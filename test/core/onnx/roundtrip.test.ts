import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { MemorySink, MemorySource } from '../../../src/core/onnx/memory';
import { readModel } from '../../../src/core/onnx/read';
import { writeModel } from '../../../src/core/onnx/write';

const sample = new URL('../../../samples/mnist/mnist_cnn.onnx', import.meta.url);

describe('readModel then writeModel', () => {
  it('gives the same bytes for the sample', async () => {
    const bytes = readFileSync(sample);
    const model = await readModel(new MemorySource(bytes, 'mnist'));
    const sink = new MemorySink();
    const result = await writeModel(model, sink);
    expect(result).toEqual({ bytes: bytes.byteLength, externalBytes: 0 });
    expect(Buffer.compare(sink.bytes(), bytes)).toBe(0);
    expect(model.graph?.node.length).toBeGreaterThan(5);
  });
});
