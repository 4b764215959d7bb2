import { describe, expect, it } from 'vitest';
import { runtimeFailure } from '../../../src/engine/runtime/runtimeError';

describe('runtimeFailure(error, doing, file)', () => {
  it.each([
    [
      "Non-zero status code returned while running MatMul node. Name:'my matmul' Status Message: matmul_helper.h:59 Compute MatMul dimension mismatch",
      'at node my matmul: MatMul dimension mismatch',
    ],
    [
      "Could not find an implementation for BitShift(11) node with name 'shift'",
      "at node shift: Could not find an implementation for BitShift(11) node with name 'shift'",
    ],
    [
      'Exception during initialization: /onnxruntime_src/onnxruntime/core/providers/cpu/rnn/deep_cpu_gru.h:73 onnxruntime::DeepCpuGruOp::DeepCpuGruOp(const onnxruntime::OpKernelInfo&) layout_ == 0 was false. Batchwise recurrent operations are not supported.',
      ': Exception during initialization: layout_ == 0 was false. Batchwise recurrent operations are not supported.',
    ],
    [
      'Node (/conv1/Conv) Op (Conv) [ShapeInferenceError] Dimension mismatch',
      'at node /conv1/Conv: Node (/conv1/Conv) Op (Conv) [ShapeInferenceError] Dimension mismatch',
    ],
  ])('%s', (text, expected) => {
    const { message } = runtimeFailure(new Error(text), 'run', 'm.onnx');
    expect(message).toBe(
      `ONNX Runtime could not run m.onnx${expected.startsWith(':') ? '' : ' '}${expected}`,
    );
  });
});
