import type { EngineHandlers } from '../messages';
import { openModelFile } from '../files/modelFile';
import { inspectModel, weightHashes } from '../inspect';
import { workOf } from './work';

export const inspect: EngineHandlers['inspect'] = async ({ file, dimensions }, { signal }) => {
  const opened = await openModelFile(file, { signal });
  try {
    return await inspectModel(opened, dimensions);
  } finally {
    await opened.close();
  }
};

export const hashWeights: EngineHandlers['weightHashes'] = async ({ file }, call) => {
  const opened = await openModelFile(file, call);
  try {
    return await weightHashes(opened, workOf(call));
  } finally {
    await opened.close();
  }
};
