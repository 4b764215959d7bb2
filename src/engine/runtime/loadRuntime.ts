import type * as onnxruntime from 'onnxruntime-node';
import { RuntimeFailure } from '../engineErrors';
import { INSTALL_AGAIN, whyNotLoaded } from '../missingPackage';

export type Ort = typeof onnxruntime;

let loading: Promise<Ort> | undefined;

/**
 * onnxruntime-node, loaded on first use: inspecting and writing weights need no runtime, and not every platform has one.
 * @throws RuntimeFailure saying what is still possible, where the binaries are missing or do not load.
 */
export function loadOrt(): Promise<Ort> {
  return (loading ??= import('onnxruntime-node').catch((error: unknown) => {
    throw new RuntimeFailure(
      `ONNX Runtime does not run on this machine: ${whyNotLoaded('onnxruntime-node', error)}. ` +
        'Here models can be inspected and their weights quantized without data (scheme w8), but not run: ' +
        'calibration, scans and comparisons need Windows, Linux with glibc, or macOS on Apple silicon. ' +
        INSTALL_AGAIN,
      { cause: error },
    );
  }));
}
