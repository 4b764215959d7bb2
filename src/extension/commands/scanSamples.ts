import type { DataDeal } from '../../shared/rpc';

/** What to offer when more samples are to be scanned with. */
export interface SampleOffer {
  /** Most that the data leaves, as a sentence. */
  readonly limit: string;
  /** undefined: all that can be were measured. */
  readonly suggested: number | undefined;
}

/** @param before samples that were measured; 0 for none. */
export function sampleOffer(before: number, deal: DataDeal): SampleOffer {
  const { samples, calibrate, mostScan } = deal;
  const limit =
    `The data leaves ${mostScan} to scan with: of ${samples} in all, ${calibrate} calibrate, and of the rest half is kept to ` +
    'verify.';
  const wanted = before > 0 ? 2 * before : 64;
  return { limit, suggested: mostScan > before ? Math.min(wanted, mostScan) : undefined };
}

/** Why so many cannot be scanned with, in a sentence; undefined when they can. */
export function sampleMistake(text: string, before: number, deal: DataDeal): string | undefined {
  const samples = Number(text);
  if (!/^\s*\d+\s*$/.test(text) || samples === 0) return 'It must be a whole number such as 64.';
  if (samples > deal.mostScan) return sampleOffer(before, deal).limit;
  return samples > before ? undefined : `It must be more than ${before}.`;
}
