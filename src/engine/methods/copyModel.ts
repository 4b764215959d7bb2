import { copyModelFile } from '../files/copyModelFile';
import type { EngineHandlers } from '../messages';
import { workOf } from './work';

export const copyModel: EngineHandlers['copyModel'] = async ({ from, to }, call) => {
  const { files } = await copyModelFile(from, to, workOf(call));
  return [...files];
};
