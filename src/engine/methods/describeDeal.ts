import { openModelFile } from '../files/modelFile';
import type { EngineHandlers } from '../messages';
import { openModelData } from './modelData';

/** How far the data goes; runs nothing. */
export const describeDeal: EngineHandlers['describeDeal'] = async (
  { file, dimensions, calibration },
  { signal },
) => {
  const opened = await openModelFile(file, { signal });
  try {
    const most = { ...calibration, scanSamples: Infinity };
    const { dataSet, deal } = await openModelData(most, opened.model, dimensions);
    return { samples: dataSet.length, calibrate: deal.calibrate.length, mostScan: deal.scan.length };
  } finally {
    await opened.close();
  }
};
