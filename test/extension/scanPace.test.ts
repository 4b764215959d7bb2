import { expect, it } from 'vitest';
import { ScanPace } from '../../src/extension/editor/scanPace';

/** A pace whose clock is told the time. */
function openPace() {
  let time = 0;
  const pace = new ScanPace(() => time);
  const measure = (key: string, milliseconds: number): number | null => {
    pace.starts(key);
    time += milliseconds;
    pace.ends(key);
    return pace.perSecond;
  };
  return { pace, measure };
}

it('tells nothing until two candidates were measured', () => {
  const { pace, measure } = openPace();
  expect(pace.perSecond).toBeNull();
  expect(measure('a', 500)).toBeNull();
  expect(measure('b', 500)).toBe(2);
});

it('follows the last while, not the whole scan', () => {
  const { measure } = openPace();
  for (let at = 0; at < 100; at++) measure(`fast ${at}`, 10);
  expect(measure('slow 0', 5000)).toBeCloseTo(101 / 6, 6);
  for (let at = 1; at < 10; at++) measure(`slow ${at}`, 5000);
  expect(measure('slow 10', 5000)).toBeCloseTo(0.2, 6);
});

it('does not count what came out of a cache', () => {
  const { pace, measure } = openPace();
  measure('a', 1000);
  for (let at = 0; at < 50; at++) pace.ends(`known ${at}`);
  expect(measure('b', 1000)).toBe(1);
});
