/** The models of `bench/schemes`, with what calibrates and what measures them. */
import { join } from 'node:path';
import { benchModels } from './benchModels';
import { isPackageModel, packageFile } from './packageModels';
import { root, sharedModel } from './paths';
import { splitImages, type ImageSplit } from './schemeData';

export interface SchemeModel {
  readonly name: string;
  /** Undefined when it is not on this machine. */
  readonly file: string | undefined;
  /** What is told of the data in the table. */
  readonly dataWords: string;
  /** Only when there is a file: may prepare the data. */
  readonly data: () => ModelData;
  /** Sizes of symbolic dimensions. */
  readonly dimensions: Readonly<Record<string, number>>;
}

export interface ModelData {
  /** For --data when calibrating, and how many samples of it at most. */
  readonly calibration: string;
  readonly samples: number;
  /** For --data when comparing; absent: the verify slice of the calibration data. */
  readonly evaluation?: string;
}

const CALIBRATION_SAMPLES = 128;
const RANDOM_SAMPLES = 8;

/** PP-OCR detection's own preprocessing: mean and deviation of values 0..1 in BGR order. */
const DETECTION_PREPROCESS = {
  layout: 'NCHW',
  channels: 'BGR',
  resize: [320, 320],
  interpolation: 'bilinear',
  scale: 1 / 255,
  mean: [0.485, 0.456, 0.406],
  std: [0.229, 0.224, 0.225],
};

type ModelSpec = Pick<SchemeModel, 'dataWords' | 'data'> & Partial<Pick<SchemeModel, 'dimensions'>>;

function random(dimensions: Readonly<Record<string, number>> = {}): ModelSpec {
  const words = `random inputs: ${RANDOM_SAMPLES} calibrate, others measure; they tell little of real data`;
  return { dataWords: words, data: () => ({ calibration: 'random', samples: RANDOM_SAMPLES }), dimensions };
}

function filesOf(
  calibration: string | undefined,
  evaluation: string | undefined,
  dataWords: string,
): ModelSpec {
  const data = () => {
    if (calibration === undefined || evaluation === undefined) throw new Error(`no data: ${dataWords}`);
    return { calibration, samples: CALIBRATION_SAMPLES, evaluation };
  };
  return { dataWords, data };
}

function cifar(model: string): ModelSpec {
  return filesOf(
    sharedModel(`${model}/calibration.npz`),
    sharedModel('cifar10/test'),
    'CIFAR-10: 128 training images calibrate, 1,000 test images measure',
  );
}

function images(dataWords: string, samples: number, split: (source: string) => ImageSplit): ModelSpec {
  const data = () => {
    const source = sharedModel('imagenet250');
    if (source === undefined) throw new Error(`no data: ${dataWords}`);
    return { ...split(source), samples };
  };
  return { dataWords, data };
}

const imagenet = images('250 ImageNet images: 64 calibrate, the other 186 measure', 64, (source) =>
  splitImages('imagenet', source, { calibrate: 64, labelled: true }),
);

const photographs = images(
  'photographs at 320 × 320, most without text: 16 calibrate, 16 others measure',
  16,
  (source) =>
    splitImages('photographs', source, {
      calibrate: 16,
      evaluate: 16,
      preprocess: DETECTION_PREPROCESS,
      labelled: false,
    }),
);

const hasPhotographs = sharedModel('imagenet250') !== undefined;
const sample = (file: string) => join(root, 'samples', 'mnist', file);

const specs: Readonly<Record<string, ModelSpec>> = {
  mnist: filesOf(
    sample('calibration.npz'),
    sample('test.npz'),
    'MNIST: 128 training digits calibrate, 2,000 test digits measure',
  ),
  squeezenet: imagenet,
  squeezenet_fp16: imagenet,
  cifar10_resnet18: cifar('cifar10_resnet18'),
  cifar10_mobilenetv2: cifar('cifar10_mobilenetv2'),
  cifar10_mobilenetv2_raw: cifar('cifar10_mobilenetv2'),
  unet: filesOf(
    sharedModel('unet/calibration.npz'),
    sharedModel('unet/test.npz'),
    '128 images calibrate, 256 others measure',
  ),
  ppocr_det: hasPhotographs
    ? photographs
    : random({ 'p2o.DynamicDimension.1': 320, 'p2o.DynamicDimension.2': 320 }),
  ppocr_rec: random({ 'p2o.DynamicDimension.1': 320 }),
  ppocr_cls: random({ 'p2o.DynamicDimension.1': 48, 'p2o.DynamicDimension.2': 192 }),
  mlsd: random(),
  blazeface: random(),
  // A random sampling rate is neither 8000 nor 16000 Hz: the branch for 8000 runs, whose window and context have 288 samples.
  silero_vad: random({ 'input.0': 1, 'input.1': 288, 'state.1': 1 }),
  silero_vad_ifless: random({ batch: 1, sequence: 576 }),
  bert_random_mlm: random({ batch: 1, tokens: 32 }),
};

const shared: Readonly<Record<string, string>> = {
  squeezenet_fp16: 'squeezenet/fp16.onnx',
  cifar10_mobilenetv2_raw: 'cifar10_mobilenetv2/raw.onnx',
  bert_random_mlm: 'bert_random_mlm.onnx',
};

export const schemeModelNames: readonly string[] = Object.keys(specs);

/** @param name one of `schemeModelNames`. */
export function schemeModel(name: string): SchemeModel {
  const spec = specs[name];
  if (!spec) throw new Error(`There is no model "${name}": ${schemeModelNames.join(', ')}.`);
  return { dimensions: {}, ...spec, name, file: fileOf(name) };
}

function fileOf(name: string): string | undefined {
  if (isPackageModel(name)) return packageFile(name);
  const path = shared[name];
  return path === undefined ? benchModels.find((model) => model.name === name)?.file : sharedModel(path);
}
