import { InputError } from '../../core/errors';
import type { Plan } from '../../core/plan/types';
import type { CancelSignal, ResultCache, Runtime } from '../../core/ports';
import type { RecoverSource } from '../../core/recover/recover';
import type { ScanSlices } from '../../core/scan/scan';
import { contentHash, FileResultCache } from '../cache/resultCache';
import { sliceOf } from '../data/slices';
import type { OpenedModel } from '../files/modelFile';
import type { ModelData } from './modelData';

/** The slices of a scan. @throws InputError when calibration leaves no samples to scan with. */
export function scanSlices({ dataSet, deal }: ModelData): ScanSlices {
  if (deal.scan.length === 0) {
    throw new InputError(
      `A scan needs samples that calibration does not use: ${dataSet.data} has ${dataSet.length} in all and ` +
        `${deal.calibrate.length} are for calibration. Give more samples, or ask for fewer.`,
    );
  }
  return { calibrate: sliceOf(dataSet, deal, 'calibrate'), scan: sliceOf(dataSet, deal, 'scan') };
}

/** What earlier runs found out about the model. @param folder nothing is kept when absent. */
export async function scanCache(
  folder: string | undefined,
  opened: OpenedModel,
  signal: CancelSignal | undefined,
): Promise<ResultCache | undefined> {
  if (folder === undefined) return undefined;
  return FileResultCache.open(folder, await contentHash(await opened.files(), signal));
}

/** What quantizing takes of the data; with a plan that recovers accuracy also what earlier runs have done of that. */
export async function quantizeSource(
  runtime: Runtime,
  { dataSet, deal }: ModelData,
  { recover }: Plan,
  opened: OpenedModel,
  folder: string | undefined,
  signal: CancelSignal | undefined,
): Promise<RecoverSource> {
  const cache = recover && (await scanCache(folder, opened, signal));
  return { runtime, slice: sliceOf(dataSet, deal, 'calibrate'), ...(cache && { cache }) };
}
