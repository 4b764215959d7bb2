/** Folders of images dealt into what calibrates and what is measured, as `roundoff --data` reads them. */
import {
  copyFileSync,
  existsSync,
  mkdirSync,
  readFileSync,
  renameSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { outputFolder } from './paths';

export interface ImageSplit {
  readonly calibration: string;
  readonly evaluation: string;
}

export interface SplitOptions {
  /** How many images calibrate, by file name; as many as are told, or all others, evaluate. */
  readonly calibrate: number;
  readonly evaluate?: number;
  /** Instead of the folder's own preprocess.json. */
  readonly preprocess?: object;
  /** Whether the classes of labels.csv belong to the model. */
  readonly labelled: boolean;
}

/** Copies of the images of `source` (with labels.csv and preprocess.json) in two folders, made once. */
export function splitImages(name: string, source: string, options: SplitOptions): ImageSplit {
  const folder = join(outputFolder, 'data', name);
  const split = { calibration: join(folder, 'calibration'), evaluation: join(folder, 'evaluation') };
  if (existsSync(folder)) return split;
  const [header = '', ...lines] = readFileSync(join(source, 'labels.csv'), 'utf8').trim().split('\n');
  const { calibrate, evaluate = lines.length } = options;
  const sorted = [...lines].sort();
  const preprocess = options.preprocess
    ? JSON.stringify(options.preprocess)
    : readFileSync(join(source, 'preprocess.json'), 'utf8');
  const scratch = `${folder}.part`;
  rmSync(scratch, { recursive: true, force: true });
  for (const [part, images] of [
    ['calibration', sorted.slice(0, calibrate)],
    ['evaluation', sorted.slice(calibrate, calibrate + evaluate)],
  ] as const) {
    const target = join(scratch, part);
    mkdirSync(target, { recursive: true });
    for (const line of images) {
      const file = line.split(',')[0] ?? '';
      copyFileSync(join(source, file), join(target, file));
    }
    if (options.labelled) writeFileSync(join(target, 'labels.csv'), `${[header, ...images].join('\n')}\n`);
    writeFileSync(join(target, 'preprocess.json'), preprocess);
  }
  renameSync(scratch, folder);
  return split;
}
