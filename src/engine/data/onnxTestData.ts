import { readdir, readFile } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { InputError, OnnxFileError } from '../../core/errors';
import { joinBytes } from '../../core/onnx/bytes';
import { dtypeName } from '../../core/onnx/dtype';
import { MemorySource } from '../../core/onnx/memory';
import { readModel } from '../../core/onnx/read';
import { rawBytes, readStrings } from '../../core/onnx/tensor';
import { DataType, type Tensor } from '../../core/onnx/types';
import { bytesHeader } from '../../core/onnx/wire';
import type { Feeds, RuntimeTensor } from '../../core/ports';
import { checkTensor } from './checkFeeds';
import { fedAs } from './convertFloats';
import { describeSpec, nameList, type DataSet, type InputSpec } from './dataSet';
import { runtimeTypeOf } from './modelInputs';
import { typedArray } from './npy';

const folderPattern = /^test_data_set_(\d+)$/;
const inputPattern = /^input_(\d+)\.pb$/;

/** The `test_data_set_*` folders at `folder`: itself, or those in it, in the order of their numbers. */
export async function testDataFolders(folder: string): Promise<string[]> {
  if (folderPattern.test(basename(folder))) return [folder];
  const entries = await readdir(folder, { withFileTypes: true });
  return entries
    .filter((entry) => entry.isDirectory() && folderPattern.test(entry.name))
    .map(({ name }) => name)
    .sort((a, b) => numberIn(a, folderPattern) - numberIn(b, folderPattern))
    .map((name) => join(folder, name));
}

/**
 * A data set from ONNX test data: each folder is a sample, `input_<i>.pb` a TensorProto for the input of its name, or
 * else for input number i.
 * @throws InputError when the first sample does not fit; later samples are checked when they are read.
 */
export async function onnxTestDataSet(
  data: string,
  folders: readonly string[],
  specs: readonly InputSpec[],
): Promise<DataSet> {
  const sample = async (index: number) => ({ index, feeds: await readFeeds(folders[index] ?? '', specs) });
  await sample(0);
  return { data, kind: 'onnx-test-data', length: folders.length, labels: null, sample };
}

async function readFeeds(folder: string, specs: readonly InputSpec[]): Promise<Feeds> {
  const files = (await readdir(folder))
    .filter((name) => inputPattern.test(name))
    .sort((a, b) => numberIn(a, inputPattern) - numberIn(b, inputPattern));
  const tensors = await Promise.all(files.map((file) => readTensorFile(join(folder, file))));
  const byName = new Map(tensors.map((each) => [each.tensor.name, each]));
  const named = specs.every(({ name }) => byName.has(name));
  const sizes = new Map<string, number>();
  const feeds = await Promise.all(
    specs.map(async (spec, index): Promise<[string, RuntimeTensor]> => {
      const found = named ? byName.get(spec.name) : tensors[index];
      if (!found) {
        throw new InputError(
          `Input ${spec.name} wants ${describeSpec(spec)}, but ${folder} has no tensor for it (${nameList(files)}).`,
        );
      }
      const fed = fedAs(await runtimeTensor(found), spec, found.path);
      checkTensor(spec, fed, sizes, found.path);
      return [spec.name, fed];
    }),
  );
  return Object.fromEntries(feeds);
}

interface TensorFile {
  readonly path: string;
  readonly tensor: Tensor;
}

/** Reads a file that holds one TensorProto, by the model reader: as the only initializer of a model. */
async function readTensorFile(path: string): Promise<TensorFile> {
  const bytes = await readFile(path);
  const initializer = wrap(5, bytes); // GraphProto.initializer
  try {
    const model = await readModel(new MemorySource(wrap(7, initializer), path)); // ModelProto.graph
    const tensor = model.graph?.initializer[0];
    if (tensor && bytes.length > 0) return { path, tensor };
  } catch (error) {
    // Its position would be one in the model that the file was wrapped into.
    if (!(error instanceof OnnxFileError)) throw error;
  }
  const problem = bytes.length === 0 ? 'is empty' : 'is damaged, or is no TensorProto';
  throw new InputError(`${path} ${problem}: write it again, for example with onnx.save_tensor.`);
}

/** `bytes` as the length-delimited protobuf field `id`. */
function wrap(id: number, bytes: Uint8Array): Uint8Array {
  return joinBytes([bytesHeader(id, bytes.length), bytes]);
}

async function runtimeTensor({ path, tensor }: TensorFile): Promise<RuntimeTensor> {
  const dataType: DataType = tensor.dataType;
  if (dataType === DataType.STRING) return { type: 'string', dims: tensor.dims, data: readStrings(tensor) };
  const type = runtimeTypeOf(dataType);
  if (!type) {
    throw new InputError(`${path} holds a tensor of type ${dtypeName(dataType)}, which cannot be fed.`);
  }
  try {
    return { type, dims: tensor.dims, data: typedArray(type, await rawBytes(tensor)) };
  } catch (error) {
    if (!(error instanceof OnnxFileError)) throw error;
    throw new InputError(`${path} is damaged: ${error.message}`);
  }
}

function numberIn(name: string, pattern: RegExp): number {
  return Number(pattern.exec(name)?.[1] ?? 0);
}
