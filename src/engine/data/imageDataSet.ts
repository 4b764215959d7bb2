import { InputError } from '../../core/errors';
import { decodeImage } from './decodeImage';
import { checkTensor } from './checkFeeds';
import { fedAs } from './convertFloats';
import { describeSpec, nameList, type DataSet, type InputSpec } from './dataSet';
import { readImageFolder } from './imageFolder';
import { frame, imageTensor } from './imageTensor';
import { PREPROCESS_FILE } from './preprocess';

/**
 * A data set from a folder of images, for a model with one image input. The first image is prepared and checked here;
 * the others are read one at a time, when asked for.
 * @throws InputError when the folder or its preprocessing does not fit the model's input.
 */
export async function imageDataSet(folder: string, specs: readonly InputSpec[]): Promise<DataSet> {
  const [spec] = specs;
  if (!spec || specs.length > 1) {
    throw new InputError(
      `A folder of images fits a model with one input; this one has ${specs.length} ` +
        `(${nameList(specs.map(({ name }) => name))}). Give the inputs as .npz, one array per input.`,
    );
  }
  if (spec.shape && spec.shape.length !== 4) {
    throw new InputError(
      `Input ${spec.name} wants ${describeSpec(spec)}, which is not a batch of images: give the data as .npz.`,
    );
  }
  const batch = spec.shape?.[0];
  if (typeof batch === 'number' && batch !== 1) {
    throw new InputError(
      `Input ${spec.name} wants ${describeSpec(spec)}, a batch of ${batch}, and images are fed one at a time: ` +
        'give the data as .npz, or export the model with a free first dimension.',
    );
  }
  const { images, preprocess, classNames, notes } = await readImageFolder(folder);
  const isLabelled = images.every(({ label }) => label !== undefined);
  const channels = preprocess.channels === 'GRAY' ? 1 : 3;
  // Only the narrow type has to be looked at for numbers beyond its range, which costs more than making the tensor.
  const computed = spec.type === 'float16' ? 'float64' : spec.type;
  const tensorOf = async (path: string) => {
    const image = frame(await decodeImage(path, channels), preprocess, path);
    return fedAs(imageTensor(image, preprocess, computed), spec, `${path} after ${PREPROCESS_FILE}`);
  };
  const load = async (index: number) => {
    const image = images[index];
    if (!image) throw new RangeError(`sample ${index} of ${images.length}`);
    const tensor = await tensorOf(image.path);
    // Without a fixed size in preprocess.json each image may differ.
    checkTensor(spec, tensor, new Map(), `${image.path} after ${PREPROCESS_FILE}`);
    return { index, feeds: { [spec.name]: tensor }, label: isLabelled ? image.label : undefined };
  };
  await load(0);
  return {
    data: folder,
    kind: 'images',
    length: images.length,
    labels: isLabelled ? 'class' : null,
    classNames,
    sample: load,
    imageOf: (index) => images[index]?.path,
    notes: () => [...notes],
  };
}
