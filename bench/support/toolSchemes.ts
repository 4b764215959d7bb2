/** Schemes that ONNX Runtime's own Python tool has, calibrated on the same samples as ours. */
import { copyFileSync, existsSync, mkdirSync } from 'node:fs';
import { join } from 'node:path';
import type { Feeds } from '../../src/core/ports';
import { readSamples } from '../../src/engine/data/slices';
import { openModelFile } from '../../src/engine/files/modelFile';
import { openModelData } from '../../src/engine/methods/modelData';
import { writeStackedArrays } from './npz';
import { outputFolder } from './paths';
import { hasPackages, runPeer } from './peers';
import type { Written } from './schemeCells';
import type { SchemeModel } from './schemeModels';

interface ToolScheme {
  /** Our nearest scheme. */
  readonly scheme: string;
  readonly words: string;
  /** A Python package that it needs and that may be absent. */
  readonly needs?: string;
  /** Writes a file. @returns its path. */
  readonly write: (python: string, prepared: ToolFolder) => string;
}

interface ToolFolder {
  readonly folder: string;
  readonly model: string;
  readonly calibration: string;
}

function staticTool(activations: 'uint8' | 'uint16'): ToolScheme['write'] {
  return (python, { folder, model, calibration }) => {
    const target = join(folder, activations);
    const options = ['--stacked', '--keep', target, '--methods', 'minmax', '--activations', activations];
    runPeer(python, ['ort_tool.py', model, calibration, ...options]);
    return join(target, 'minmax.onnx');
  };
}

function weightsTool(way: 'dynamic' | 'nbits4'): ToolScheme['write'] {
  return (python, { folder, model }) => {
    const target = join(folder, `${way}.onnx`);
    runPeer(python, ['ort_weights.py', way, preparedBy(folder) ?? model, target]);
    return target;
  };
}

/** Constant nodes made initializers, opset raised: what the tool wants. Made by the static schemes, where they could. */
function preparedBy(folder: string): string | undefined {
  return ['uint8', 'uint16']
    .map((name) => join(folder, name, 'prepared.onnx'))
    .find((file) => existsSync(file));
}

export const toolSchemes: readonly ToolScheme[] = [
  { scheme: 'w8a8', words: 'static, uint8 and int8 per channel, min-max', write: staticTool('uint8') },
  { scheme: 'w8a16', words: 'static, uint16 and int8 per channel, min-max', write: staticTool('uint16') },
  { scheme: 'w8', words: 'dynamic, int8 per channel', write: weightsTool('dynamic') },
  {
    scheme: 'w4,block:32',
    words: 'MatMulNBits, 4 bits in blocks of 32',
    needs: 'onnx_ir',
    write: weightsTool('nbits4'),
  },
];

/** The schemes that the tool has here; those it lacks a package for are told. */
export function toolSchemesHere(python: string): Set<string> {
  const here = new Set<string>();
  for (const { scheme, words, needs } of toolSchemes) {
    if (needs === undefined || hasPackages(python, [needs])) here.add(scheme);
    else console.log(`The tool's ${words} is left out: Python has no package ${needs}.`);
  }
  return here;
}

/** Writes the tool's file of a scheme to `output`. */
export async function writeToolFile(
  scheme: string,
  model: SchemeModel,
  output: string,
  python: string | undefined,
): Promise<Written> {
  const tool = toolSchemes.find((candidate) => candidate.scheme === scheme);
  if (!tool || python === undefined || model.file === undefined) {
    throw new Error(`the tool has no ${scheme}, or is not there`);
  }
  const folder = join(outputFolder, 'schemes', model.name, 'tool');
  mkdirSync(folder, { recursive: true });
  try {
    const calibration = await exportCalibration(model, model.file, folder);
    copyFileSync(tool.write(python, { folder, model: model.file, calibration }), output);
    return { status: 'done', notes: [] };
  } catch (error) {
    const reason = (error as Error).message.trim().split('\n').at(-1) ?? '';
    return { status: 'refused', reason, command: `bench/peers, ${tool.words}` };
  }
}

/** The samples that calibrate ours, as arrays. */
async function exportCalibration(model: SchemeModel, file: string, folder: string): Promise<string> {
  const path = join(folder, 'calibration.npz');
  if (existsSync(path)) return path;
  const { calibration, samples } = model.data();
  const opened = await openModelFile(file);
  try {
    const request = { data: calibration, samples };
    const { dataSet, deal } = await openModelData(request, opened.model, model.dimensions);
    const all: Feeds[] = [];
    for await (const { feeds } of readSamples(dataSet, deal.calibrate)) all.push(feeds);
    writeStackedArrays(path, all);
  } finally {
    await opened.close();
  }
  return path;
}
