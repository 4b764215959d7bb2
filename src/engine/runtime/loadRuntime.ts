import type * as onnxruntime from 'onnxruntime-node';
import { RuntimeFailure } from '../engineErrors';

export type Ort = typeof onnxruntime;

let loading: Promise<Ort> | undefined;

/**
 * onnxruntime-node, loaded on first use: inspecting and writing weights need no runtime, and not every platform has one.
 * @throws RuntimeFailure saying what is still possible, where the binaries are missing or do not load.
 */
export function loadOrt(): Promise<Ort> {
  return (loading ??= import('onnxruntime-node').catch((error: unknown) => {
    throw new RuntimeFailure(
      `ONNX Runtime does not run on this machine (${process.platform} ${process.arch}: ${firstLine(error)}). ` +
        'Here models can be inspected and their weights quantized without data (scheme w8), but not run: ' +
        'calibration, scans and comparisons need Windows, Linux with glibc, or macOS on Apple silicon.',
    );
  }));
}

function firstLine(error: unknown): string {
  return (error instanceof Error ? error.message : String(error)).split('\n', 1)[0] ?? '';
}
