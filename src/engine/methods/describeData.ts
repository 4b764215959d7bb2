import { asNumbers } from '../../core/calibrate/floats';
import { throwIfCancelled } from '../../core/errors';
import type { OutputDescription } from '../../core/graph/types';
import type { Feeds, RuntimeTensor, Sample } from '../../core/ports';
import { classLayout, positions, positionOffset, topClass } from '../../core/quant/classes';
import type { DataSummary } from '../../core/results';
import { readSamples } from '../data/slices';
import { openModelFile } from '../files/modelFile';
import type { EngineHandlers } from '../messages';
import { openRuntime } from '../runtime/ortRuntime';
import { openModelData } from './modelData';
import { outputsOf } from './modelOutputs';

/** Of these the predictions are listed. */
const SHOWN = 5;
/** Of these the value range and accuracy are taken; fewer when they take too long. */
const LOOKED_AT = 200;
const TIME_LIMIT_MS = 5000;

/**
 * What the data looks like to the model: shapes, value ranges, and what the float model makes of some samples, so that
 * wrong preprocessing shows at once. The samples are taken across all slices, in the order they were dealt.
 */
export const describeData: EngineHandlers['describeData'] = async (
  { file, dimensions, calibration, outputs },
  { signal, report },
) => {
  const opened = await openModelFile(file, { signal });
  try {
    const { dataSet, inputs, seed, deal } = await openModelData(calibration, opened.model, dimensions);
    const order = [...deal.calibrate, ...deal.scan, ...deal.verify].slice(0, LOOKED_AT);
    const session = await (await openRuntime()).openFile(file, { optimization: 'full' });
    const ranges = new Map<string, ValueRange>();
    const predictions = new Predictions(outputsOf(opened.model, dimensions, outputs));
    try {
      const start = performance.now();
      let done = 0;
      for await (const sample of readSamples(dataSet, order)) {
        throwIfCancelled(signal);
        for (const [name, tensor] of Object.entries(sample.feeds)) extendRange(ranges, name, tensor);
        predictions.add(sample, await session.run(sample.feeds));
        report({ done: ++done, total: order.length, message: `Looking at the data: sample ${done}` });
        if (done >= SHOWN && performance.now() - start > TIME_LIMIT_MS) break;
      }
    } finally {
      await session.release();
    }
    return {
      data: calibration.data,
      kind: dataSet.kind,
      samples: dataSet.length,
      slices: {
        calibrate: deal.calibrate.length,
        scan: deal.scan.length,
        verify: deal.verify.length,
      },
      seed,
      inputs: inputs.map(({ name, type }) => {
        const range = ranges.get(name);
        return {
          name,
          dtype: type,
          shape: [...(range?.shape ?? [])],
          min: finite(range?.min),
          max: finite(range?.max),
        };
      }),
      labels: dataSet.labels,
      ...predictions.toJson(),
      notes: dataSet.notes?.() ?? [],
    };
  } finally {
    await opened.close();
  }
};

interface ValueRange {
  readonly shape: readonly number[];
  min: number;
  max: number;
}

function extendRange(ranges: Map<string, ValueRange>, name: string, tensor: RuntimeTensor): void {
  let range = ranges.get(name);
  if (!range) ranges.set(name, (range = { shape: tensor.dims, min: Infinity, max: -Infinity }));
  for (const value of Array.from(asNumbers(tensor) ?? [])) {
    if (value < range.min) range.min = value;
    if (value > range.max) range.max = value;
  }
}

function finite(value: number | undefined): number | null {
  return value !== undefined && Number.isFinite(value) ? value : null;
}

/** What the float model says about samples, at outputs with one score vector per sample. */
class Predictions {
  readonly #classOutputs: readonly OutputDescription[];
  readonly #listed: DataSummary['predictions'] = [];
  #labelled = 0;
  #correct = 0;
  #samples = 0;

  constructor(outputs: readonly OutputDescription[]) {
    this.#classOutputs = outputs.filter(({ classAxis }) => classAxis !== undefined);
  }

  add({ index, label }: Sample, results: Feeds): void {
    const classLabel = typeof label === 'number' ? label : null;
    let first = true;
    for (const { name, classAxis } of this.#classOutputs) {
      const tensor = results[name];
      const scores = tensor && asNumbers(tensor);
      if (!scores || classAxis === undefined) continue;
      const layout = classLayout(tensor.dims, classAxis);
      if (positions(layout) !== 1) continue;
      const best = topClass(scores, layout, 0);
      const score = scores[positionOffset(layout, 0) + best * layout.inner] ?? 0;
      if (this.#samples < SHOWN) {
        this.#listed.push({ sample: index, output: name, class: best, score, label: classLabel });
      }
      // Labels are for the first class output; others would need their own.
      if (first && classLabel !== null) {
        this.#labelled++;
        if (best === classLabel) this.#correct++;
      }
      first = false;
    }
    this.#samples++;
  }

  toJson(): Pick<DataSummary, 'predictions' | 'accuracy'> {
    const accuracy =
      this.#labelled > 0 ? { samples: this.#labelled, top1: this.#correct / this.#labelled } : null;
    return { predictions: this.#listed, accuracy };
  }
}
