import type { Differences } from '../inspectorResults';
import { evenHistogram } from './evenHistogram';
import { sampleStride } from './stridedSample';

/** Odd, so that the middle one stands for what hardly changed. */
const BINS = 65;
/** The bins reach a little beyond the magnitude that this part of the values does not pass: few clipped values would squeeze all others. */
const SHOWN_PART = 0.995;
const ROOM = 1.1;
/** As many tell that magnitude well enough. */
const SAMPLE = 2 ** 16;

/** What `back` leaves out of `values`: w − Q(w). */
export function differencesOf(values: Float32Array, back: Float32Array): Differences {
  const differences = values.map((value, at) => value - (back[at] as number));
  const magnitudes = differences.map(Math.abs);
  const greatest = magnitudes.reduce((most, magnitude) => Math.max(most, magnitude), 0);
  const stride = sampleStride(magnitudes.length, SAMPLE, []);
  const sorted = magnitudes.filter((_, at) => at % stride === 0).sort();
  const usual = sorted[Math.ceil(SHOWN_PART * (sorted.length - 1))] ?? 0;
  // Where nearly all are exact, the few others are what there is to see.
  const reach = usual > 0 ? Math.min(greatest, ROOM * usual) : greatest;
  const histogram = evenHistogram(differences, -reach, reach, BINS);
  const shown = histogram.counts.reduce((sum, count) => sum + count, 0);
  return { histogram, beyond: values.length - shown, greatest };
}
