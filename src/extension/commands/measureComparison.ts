import { basename, join } from 'node:path';
import { makeTemporaryFolder } from '../../engine/temporaryFolder';
import { errorReplyOf } from '../../engine/engineErrors';
import type { OutputOverrides } from '../../core/graph/outputs';
import type { Plan } from '../../core/plan/types';
import type { DataRequest, ModelRequest } from '../../shared/rpc';
import type { CallOptions, SessionEngine } from '../sessionEngine';
import type { Comparison } from './compareReport';

export interface ComparisonRequest extends ModelRequest {
  readonly calibration: DataRequest;
  /** What outputs mean, as the plan says. */
  readonly outputs?: OutputOverrides | undefined;
  /** Folder that keeps the layers that recovering has done; none are kept when absent. */
  readonly cache?: string | undefined;
  /** A model, or a plan and the name of the file that it would give. */
  readonly other: { readonly file: string } | { readonly plan: Plan; readonly name: string };
}

/** Shown of classes. */
const TOP = 5;

/**
 * Compares two models as a whole and layer by layer; what a plan gives is written for that, and removed. Layers that cannot be
 * compared leave the rest as it is.
 * @throws whatever the engine says of quantizing or of the whole models; CancelledError.
 */
export async function measureComparison(
  engine: SessionEngine,
  { file, dimensions, calibration, outputs, cache, other }: ComparisonRequest,
  options: CallOptions,
): Promise<Comparison> {
  if ('file' in other) {
    const pair = { a: file, b: other.file, calibration, dimensions, outputs };
    const measured = await measureFiles(engine, pair, options);
    return { ...measured, data: calibration.data, isPlan: false, notes: measured.result.notes };
  }
  const temporary = await makeTemporaryFolder();
  try {
    const output = join(temporary.path, basename(other.name));
    const request = {
      file,
      dimensions,
      calibration,
      plan: other.plan,
      output,
      ...(cache !== undefined && { cache }),
    };
    const { notes } = await engine.call('quantize', request, partOf(options, 0, 3));
    const pair = { a: file, b: output, calibration, dimensions, outputs };
    const measured = await measureFiles(engine, pair, options, 1);
    // Both tell of the data.
    const all = [...new Set([...notes, ...measured.result.notes])];
    return { ...measured, data: calibration.data, isPlan: true, notes: all };
  } finally {
    await temporary.remove();
  }
}

interface Pair {
  readonly a: string;
  readonly b: string;
  readonly calibration: DataRequest;
  readonly dimensions: Record<string, number> | undefined;
  readonly outputs: OutputOverrides | undefined;
}

/** @param before steps that are done. */
async function measureFiles(
  engine: SessionEngine,
  { outputs, ...pair }: Pair,
  options: CallOptions,
  before = 0,
): Promise<Pick<Comparison, 'result' | 'layers'>> {
  const steps = before + 2;
  const result = await engine.call(
    'compare',
    { ...pair, ...(outputs && { outputs }), sample: 0, top: TOP },
    partOf(options, before, steps),
  );
  try {
    return { result, layers: await engine.call('compareLayers', pair, partOf(options, before + 1, steps)) };
  } catch (error) {
    const { kind, message } = errorReplyOf(error);
    if (kind === 'cancelled') throw error;
    return { result, layers: { reason: message } };
  }
}

/** Options of one of several steps, whose progress is that of all. */
function partOf({ onProgress, ...options }: CallOptions, step: number, steps: number): CallOptions {
  return {
    ...options,
    onProgress: ({ done, total, message }) =>
      onProgress?.({ done: step + (total > 0 ? done / total : 0), total: steps, message }),
  };
}
