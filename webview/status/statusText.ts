/** Words for the work that runs: what a status row shows, and what a screen reader is told of it. Pure. */
import { formatInteger } from '../../src/shared/format';
import type { ScanProgress, ScanView, SearchView } from '../../src/shared/viewRpc';

/** `123 of 456 · 3.2 per second · about 2 minutes left`; a paused scan has neither rate nor end. */
export function scanFigures({ done, total, perSecond, secondsLeft, paused }: ScanProgress): string {
  if (total === 0) return '';
  const parts = [`${formatInteger(done)} of ${formatInteger(total)}`];
  if (!paused && perSecond !== null) parts.push(rateText(perSecond));
  if (!paused && secondsLeft !== null) parts.push(timeLeftText(secondsLeft));
  return parts.join(' · ');
}

/** Slow work is told per minute, so that the figure is not a small fraction. */
export function rateText(perSecond: number): string {
  if (perSecond >= 10) return `${formatInteger(Math.round(perSecond))} per second`;
  if (perSecond >= 1) return `${perSecond.toFixed(1)} per second`;
  const perMinute = perSecond * 60;
  return `${perMinute >= 10 ? Math.round(perMinute) : perMinute.toFixed(1)} per minute`;
}

/** As precise as an estimate deserves. */
export function timeLeftText(seconds: number): string {
  if (seconds < 10) return 'a few seconds left';
  if (seconds < 55) return `about ${Math.ceil(seconds / 10) * 10} seconds left`;
  const minutes = Math.round(seconds / 60);
  if (minutes <= 1) return 'about a minute left';
  if (minutes < 55) return `about ${minutes} minutes left`;
  const hours = Math.round(seconds / 1800) / 2;
  return hours <= 1 ? 'about an hour left' : `about ${hours} hours left`;
}

/** Changes at every quarter, not at every candidate: a live region reads each change aloud. */
export function scanAnnouncement({ running, measured, error }: ScanView): string {
  if (running) {
    if (running.paused) return `Scan paused, ${percentDone(running, 1)} % done.`;
    return `Scanning, ${percentDone(running, 25)} % done.`;
  }
  // A failure is an alert of its own.
  if (!measured || error !== null) return '';
  return measured.partial ? 'The scan is not complete.' : 'The scan is complete.';
}

/** As for scans. */
export function searchAnnouncement({ running, found, error }: SearchView): string {
  if (running) return `Searching, ${percentDone(running, 25)} % done.`;
  if (!found || error !== null || found.met === null) return '';
  return found.met ? 'The search is complete.' : 'The search is complete; its limit is not met.';
}

function percentDone({ done, total }: { done: number; total: number }, step: number): number {
  return total > 0 ? Math.floor((100 * done) / total / step) * step : 0;
}
