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
      'Load model from /models/a b.onnx failed:/onnxruntime_src/onnxruntime/core/graph/model_load_utils.h:46 void onnxruntime::model_load_utils::ValidateOpsetForDomain(const std::unordered_map<std::__cxx11::basic_string<char>, int>&, const onnxruntime::logging::Logger&, bool, const std::string&, int) ONNX Runtime only *guarantees* support for models (see the list) of released opsets.',
      ': ONNX Runtime only *guarantees* support for models (see the list) of released opsets.',
    ],
    [
      'Load model from m.onnx failed:This is an invalid model. In Node, ("/act/Foo", Foo, "", -1) : ("input": tensor(float),"w": tensor(float),) -> ("y": tensor(float),) , Error No Op registered for Foo with domain_version of 20',
      'at node /act/Foo: No Op registered for Foo with domain_version of 20',
    ],
    ['This is an invalid model. Error: the graph is not acyclic.', ': the graph is not acyclic.'],
    [
      "Non-zero status code returned while running Conv node. Name:'c' Status Message: /onnxruntime_src/a.cc:7 onnxruntime::common::Status onnxruntime::Conv<T>::Compute(onnxruntime::OpKernelContext*) const [with T = float] no space\nStacktrace:\n 0# 0x00007F",
      'at node c: no space',
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
