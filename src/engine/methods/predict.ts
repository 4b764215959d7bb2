import { predictBytes } from '../../core/rewrite/predictBytes';
import { openModelFile } from '../files/modelFile';
import type { EngineHandlers } from '../messages';
import { sizeOf } from './modelFiles';
import { planForModel, unchangedNotes } from './planForModel';
import { workOf } from './work';

/** The bytes of the file that a plan would write, and of each of its layers. */
export const predict: EngineHandlers['predict'] = async (request, call) => {
  const opened = await openModelFile(request.file, call);
  try {
    const work = workOf(call);
    const { plan, notes } = await planForModel(opened, request, work);
    const predicted = await predictBytes(opened.model, plan, work);
    return {
      bytes: predicted.bytes,
      bytesBefore: sizeOf(await opened.files()),
      layers: predicted.layers.map(({ bytesAfter: bytes, ...layer }) => ({ ...layer, bytes })),
      notes: [...notes, ...unchangedNotes(predicted.layers), ...predicted.notes],
    };
  } finally {
    await opened.close();
  }
};
