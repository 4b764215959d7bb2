import * as ort from 'onnxruntime-node';
import { MemorySink } from '../../src/core/onnx/memory';
import { writeModel } from '../../src/core/onnx/write';
import type { Runtime, RuntimeTensor } from '../../src/core/ports';

/** ONNX Runtime in the test's own process. */
export const runtime: Runtime = {
  version: 'test',
  async openModel(model, { optimization }) {
    const sink = new MemorySink();
    await writeModel(model, sink);
    const session = await ort.InferenceSession.create(sink.bytes(), {
      graphOptimizationLevel: optimization === 'none' ? 'disabled' : 'all',
      logSeverityLevel: 3,
      ...(optimization === 'simulate' && { extra: { session: { disable_quant_qdq: '1' } } }),
    });
    return {
      inputNames: session.inputNames,
      outputNames: session.outputNames,
      async run(feeds, fetches = session.outputNames) {
        const tensors = Object.entries(feeds).map(([name, { type, data, dims }]) => [
          name,
          new ort.Tensor(type as 'float32', data as Float32Array, dims),
        ]);
        const results = await session.run(Object.fromEntries(tensors) as Record<string, ort.Tensor>, [
          ...fetches,
        ]);
        return Object.fromEntries(
          Object.entries(results).map(([name, { type, data, dims }]) => [
            name,
            { type, data, dims } as RuntimeTensor,
          ]),
        );
      },
      release: () => session.release(),
    };
  },
};
