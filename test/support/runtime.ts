import { openRuntime } from '../../src/engine/runtime/ortRuntime';

/** ONNX Runtime in the test's own process. */
export const runtime = await openRuntime();
