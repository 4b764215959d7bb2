import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import * as ort from 'onnxruntime-node';
import { makeValueInfo } from '../../src/core/onnx/build';
import { MemorySink, MemorySource } from '../../src/core/onnx/memory';
import { derive } from '../../src/core/onnx/origin';
import { readModel } from '../../src/core/onnx/read';
import { DataType, type Model } from '../../src/core/onnx/types';
import { writeModel } from '../../src/core/onnx/write';
import { defaultPlan } from '../../src/core/plan/planFile';
import type { Plan } from '../../src/core/plan/types';
import type { Feeds, SessionOptions } from '../../src/core/ports';
import type { Range, SchemeId } from '../../src/core/quant/scheme';
import { activationsToCalibrate, type Prepared, prepareFloat } from '../../src/core/rewrite/prepare';
import { rewrite, type Rewritten } from '../../src/core/rewrite/rewrite';
import { runtime } from './runtime';

/** A plan with some schemes set. */
export function planWith(schemes: Readonly<Record<string, SchemeId>>, base?: Partial<Plan>): Plan {
  const layers = Object.fromEntries(Object.entries(schemes).map(([name, scheme]) => [name, { scheme }]));
  return { ...defaultPlan, ...base, layers };
}

export async function run(
  model: Model,
  feeds: Feeds,
  optimization: SessionOptions['optimization'] = 'full',
): Promise<Record<string, Float32Array>> {
  const session = await runtime.openModel(model, { optimization });
  try {
    const results = await session.run(feeds);
    return Object.fromEntries(
      Object.entries(results).map(([name, { data }]) => [name, Float32Array.from(data as Float32Array)]),
    );
  } finally {
    await session.release();
  }
}

/** Least and greatest value that each of `values` takes over `samples`. */
export async function maxRanges(
  model: Model,
  values: readonly string[],
  samples: readonly Feeds[],
): Promise<Map<string, Range>> {
  const { graph } = model;
  if (!graph) throw new Error('no graph');
  const inputs = new Set(graph.input.map(({ name }) => name));
  const known = new Set(graph.output.map(({ name }) => name));
  const added = values.filter((name) => !inputs.has(name) && !known.has(name));
  const output = [...graph.output, ...added.map((name) => makeValueInfo(name, DataType.FLOAT))];
  const session = await runtime.openModel(derive(model, { graph: derive(graph, { output }) }), {
    optimization: 'none',
  });
  const ranges = new Map<string, Range>();
  for (const feeds of samples) {
    const results = { ...(await session.run(feeds)), ...feeds };
    for (const name of values) {
      let { min, max } = ranges.get(name) ?? { min: Infinity, max: -Infinity };
      for (const value of (results[name]?.data ?? []) as Float32Array) {
        min = Math.min(min, value);
        max = Math.max(max, value);
      }
      ranges.set(name, { min, max });
    }
  }
  await session.release();
  return ranges;
}

export interface Quantized extends Rewritten {
  readonly prepared: Prepared;
  readonly ranges: ReadonlyMap<string, Range>;
}

/** Prepares, calibrates with max ranges, and rewrites. */
export async function quantize(model: Model, plan: Plan, samples: readonly Feeds[]): Promise<Quantized> {
  const prepared = await prepareFloat(model, plan);
  const ranges = await maxRanges(prepared.model, activationsToCalibrate(prepared, plan), samples);
  return { ...(await rewrite(prepared.model, plan, ranges)), prepared, ranges };
}

/** 10·log10(Σa² / Σ(a-b)²). */
export function sqnr(a: ArrayLike<number>, b: ArrayLike<number>): number {
  let energy = 0;
  let noise = 0;
  for (let i = 0; i < a.length; i++) {
    energy += (a[i] ?? 0) ** 2;
    noise += ((a[i] ?? 0) - (b[i] ?? 0)) ** 2;
  }
  return 10 * Math.log10(energy / noise);
}

/** Operators of the main graph, sorted. */
export function opTypes(model: Model): string[] {
  return (model.graph?.node ?? []).map(({ opType }) => opType).sort();
}

/** What the runtime makes of a model at full optimization: operators of its graph, sorted. */
export async function optimizedOpTypes(model: Model): Promise<string[]> {
  const sink = new MemorySink();
  await writeModel(model, sink);
  const folder = mkdtempSync(join(tmpdir(), 'roundoff-'));
  try {
    const optimizedModelFilePath = join(folder, 'optimized.onnx');
    const session = await ort.InferenceSession.create(sink.bytes(), {
      graphOptimizationLevel: 'all',
      optimizedModelFilePath,
      logSeverityLevel: 3,
    });
    await session.release();
    return opTypes(await readModel(new MemorySource(readFileSync(optimizedModelFilePath))));
  } finally {
    rmSync(folder, { recursive: true });
  }
}
