import type { DataRequest } from '../../shared/rpc';
import type { ModelData } from './modelData';

/** That the data leaves fewer samples to scan with than were asked for, as a sentence; none where that is not so. */
export function dealNotes(
  { scanSamples }: Pick<DataRequest, 'scanSamples'>,
  { dataSet, deal }: ModelData,
): string[] {
  if (scanSamples === undefined || deal.scan.length >= scanSamples) return [];
  return [
    `${scanSamples} samples were asked for, and ${deal.scan.length} are left to scan with: of the ${dataSet.length} in ` +
      `${dataSet.data}, ${deal.calibrate.length} calibrate and ${deal.verify.length} are kept to verify.`,
  ];
}
