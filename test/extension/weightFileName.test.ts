import { describe, expect, it } from 'vitest';
import { weightFileName } from '../../src/extension/editor/weightFileName';

describe('weightFileName(model, layer, weight)', () => {
  it('is the model and the layer, as far as a file can be called so', () => {
    expect(weightFileName('mnist.onnx', 'conv1', 0)).toBe('mnist.conv1.npy');
    expect(weightFileName('m.onnx', '/encoder/../lstm:0', 1)).toBe('m._encoder_.._lstm_0.1.npy');
    expect(weightFileName('m.onnx', 'x'.repeat(300), 0)).toHaveLength(86);
  });
});
