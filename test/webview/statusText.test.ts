import { describe, expect, it } from 'vitest';
import type { ScanProgress, ScanView } from '../../src/shared/viewRpc';
import {
  rateText,
  scanAnnouncement,
  scanFigures,
  searchAnnouncement,
  timeLeftText,
} from '../../webview/status/statusText';
import { searchFound } from './searchPoints';

const progress = (part: Partial<ScanProgress> = {}): ScanProgress => ({
  done: 30,
  total: 100,
  message: 'conv1 as w8a8',
  perSecond: 3.21,
  secondsLeft: 104,
  paused: false,
  ...part,
});
const measured: ScanView['measured'] = {
  metric: 'kl',
  slice: 'scan',
  samples: 32,
  partial: false,
  random: false,
};

describe('scanFigures(progress)', () => {
  it('tells how far it is, how fast, and how long it takes', () => {
    expect(scanFigures(progress())).toBe('30 of 100 · 3.2 per second · about 2 minutes left');
  });
  it('leaves out what is not known yet, and rate and end of a paused scan', () => {
    expect(scanFigures(progress({ perSecond: null, secondsLeft: null }))).toBe('30 of 100');
    expect(scanFigures(progress({ paused: true }))).toBe('30 of 100');
    expect(scanFigures(progress({ total: 0 }))).toBe('');
  });
});

describe('words for rates and times', () => {
  it.each([
    [12.4, '12 per second'],
    [3.21, '3.2 per second'],
    [0.5, '30 per minute'],
    [0.05, '3.0 per minute'],
  ])('say %d per second as %j', (rate, text) => expect(rateText(rate)).toBe(text));
  it.each([
    [3, 'a few seconds left'],
    [41, 'about 50 seconds left'],
    [70, 'about a minute left'],
    [104, 'about 2 minutes left'],
    [3500, 'about an hour left'],
    [9000, 'about 2.5 hours left'],
  ])('say %d seconds as %j', (seconds, text) => expect(timeLeftText(seconds)).toBe(text));
});

describe('what a screen reader is told', () => {
  it('changes only at the quarters of a scan', () => {
    const told = Array.from({ length: 101 }, (_, done) =>
      scanAnnouncement({ running: progress({ done }), measured, error: null }),
    );
    expect([...new Set(told)]).toEqual([0, 25, 50, 75, 100].map((share) => `Scanning, ${share} % done.`));
  });
  it('says that it is paused, complete or not, and leaves failures to the alert', () => {
    const paused = progress({ paused: true });
    expect(scanAnnouncement({ running: paused, measured, error: null })).toBe('Scan paused, 30 % done.');
    expect(scanAnnouncement({ running: null, measured, error: null })).toBe('The scan is complete.');
    const partial = { ...measured, partial: true };
    expect(scanAnnouncement({ running: null, measured: partial, error: null })).toContain('not complete');
    expect(scanAnnouncement({ running: null, measured, error: 'No data.' })).toBe('');
    expect(scanAnnouncement({ running: null, measured: null, error: null })).toBe('');
  });
  it('says how a search ended', () => {
    const found = searchFound();
    expect(searchAnnouncement({ running: null, found, error: null })).toBe('The search is complete.');
    expect(searchAnnouncement({ running: null, found: { ...found, met: false }, error: null })).toContain(
      'not met',
    );
    const running = { done: 1, total: 3, message: '' };
    expect(searchAnnouncement({ running, found, error: null })).toBe('Searching, 25 % done.');
  });
});
