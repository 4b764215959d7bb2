/** Models with real samples, and arrays of a few of them, for benches of the scan. */
import { existsSync, mkdirSync } from 'node:fs';
import { join } from 'node:path';
import type { Feeds } from '../../src/core/ports';
import { readNpz } from '../../test/support/npz';
import { benchModels } from './benchModels';
import { writeStackedArrays } from './npz';
import { findPython, makeArrays } from './peers';

export type OutputWord = 'logits' | 'probabilities';

export interface ScanModel {
  readonly name: string;
  readonly file: string;
  /** Every sample there is for this model: arrays by input name, with labels. */
  readonly arrays: string;
  /** Of its only output, whose axis 1 has the classes. */
  readonly output: OutputWord;
}

const outputs: Readonly<Record<string, OutputWord>> = {
  mnist: 'logits',
  squeezenet: 'probabilities',
  cifar10_resnet18: 'logits',
  cifar10_mobilenetv2: 'logits',
  unet: 'logits',
};

export const scanModelNames: readonly string[] = Object.keys(outputs);

/**
 * The models of these names (all when none) that are on this machine; what is absent is told.
 * @throws Error for a name that is no model.
 */
export function scanModels(names: readonly string[]): ScanModel[] {
  const wanted = names.length > 0 ? names : scanModelNames;
  const python = findPython();
  if (python !== undefined) makeArrays(python);
  return wanted.flatMap((name) => {
    const output = outputs[name];
    const model = benchModels.find((each) => each.name === name);
    if (!output || !model) throw new Error(`there is no model ${name}: ${scanModelNames.join(', ')}`);
    if (model.file !== undefined && existsSync(model.evaluation)) {
      return [{ name, file: model.file, arrays: model.evaluation, output }];
    }
    console.log(`${name} or its arrays are not on this machine (arrays need PYTHON=path/to/python once).`);
    return [];
  });
}

/** The first `count` samples of a model, labels left out. */
export function firstSamples({ arrays }: Pick<ScanModel, 'arrays'>, count: number): Feeds[] {
  const { labels: _, ...inputs } = readNpz(arrays);
  const all = Object.entries(inputs);
  const length = Math.min(count, ...all.map(([, { shape }]) => shape[0] ?? 0));
  return Array.from({ length }, (_each, index) =>
    Object.fromEntries(
      all.map(([name, { shape, data }]) => {
        const size = shape.slice(1).reduce((product, side) => product * side, 1);
        const row = Float32Array.from({ length: size }, (_value, at) => Number(data[index * size + at]));
        return [name, { type: 'float32', dims: [1, ...shape.slice(1)], data: row }] as const;
      }),
    ),
  );
}

/** Writes samples to a file of arrays in a folder, which is made; its path. */
export function writeSamples(folder: string, samples: readonly Feeds[]): string {
  mkdirSync(folder, { recursive: true });
  const path = join(folder, 'samples.npz');
  writeStackedArrays(path, samples);
  return path;
}
