import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { sharedModel } from '../paths';

/** A model with a few labelled images and a plan that shows something in every chart. */
export interface PicturedModel {
  readonly name: string;
  /** What the workspace has: `model.onnx`, its plan and `images/`. */
  readonly files: Readonly<Record<string, string | Uint8Array>>;
  /** The layer looked at: its codes are from a table. */
  readonly layer: string;
}

const bytes = (text: string): Uint8Array => new TextEncoder().encode(text);

function planFor(layer: string, calibrated: number, dimensions: Record<string, number>): Uint8Array {
  const plan = {
    version: 1,
    defaultScheme: 'w4',
    layers: { [layer]: { scheme: 'lut16' } },
    dimensions,
    calibration: { data: 'images', samples: calibrated, seed: 1 },
  };
  return bytes(JSON.stringify(plan));
}

async function squeezenet(): Promise<PicturedModel | undefined> {
  const model = sharedModel('squeezenet/fp32.onnx');
  const images = sharedModel('imagenet250');
  if (model === undefined || images === undefined) return undefined;
  const labels = (await readFile(join(images, 'labels.csv'), 'utf8')).split('\n').slice(0, 31);
  const pictures = labels.slice(1).map((line) => line.split(',')[0] ?? '');
  const layer = 'Conv_22';
  return {
    name: 'squeezenet',
    layer,
    files: {
      'model.onnx': model,
      'model.quant.json': planFor(layer, 10, {}),
      'images/labels.csv': bytes(labels.join('\n')),
      ...Object.fromEntries(
        ['preprocess.json', ...pictures].map((file) => [`images/${file}`, join(images, file)]),
      ),
    },
  };
}

async function resnet(): Promise<PicturedModel | undefined> {
  const model = sharedModel('cifar10_resnet18/model.onnx');
  const images = sharedModel('cifar10/test');
  const preprocess = sharedModel('cifar10/preprocess.json');
  if (model === undefined || images === undefined || preprocess === undefined) return undefined;
  const classes = await readdir(images);
  const pictures = await Promise.all(
    classes.map(async (name) =>
      (await readdir(join(images, name))).slice(0, 5).map((file) => `${name}/${file}`),
    ),
  );
  const layer = 'node_Conv_294';
  return {
    name: 'resnet18',
    layer,
    files: {
      'model.onnx': model,
      'model.quant.json': planFor(layer, 16, { batch: 1 }),
      'images/preprocess.json': preprocess,
      ...Object.fromEntries(pictures.flat().map((file) => [`images/${file}`, join(images, file)])),
    },
  };
}

/** SqueezeNet and ResNet-18; what is not beside the repository is told and left out. */
export async function picturedModels(): Promise<PicturedModel[]> {
  const models = { SqueezeNet: await squeezenet(), 'ResNet-18': await resnet() };
  return Object.entries(models).flatMap(([name, model]) => {
    if (!model) console.log(`${name} or its images are not beside the repository.`);
    return model ?? [];
  });
}
