import { openModelFile } from '../files/modelFile';
import { quantizationOfRow } from '../inspect';
import type { EngineHandlers } from '../messages';

/** The formats of one row in numbers. */
export const quantizationOf: EngineHandlers['quantizationOf'] = async (
  { file, dimensions, layer },
  { signal },
) => {
  const opened = await openModelFile(file, { signal });
  try {
    return await quantizationOfRow(opened, layer, dimensions);
  } finally {
    await opened.close();
  }
};
