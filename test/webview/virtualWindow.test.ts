import { describe, expect, it } from 'vitest';
import { ROW_HEIGHT, scrollToShow, virtualWindow } from '../../webview/tree/virtualWindow';

describe('virtualWindow(scrollTop, height, count)', () => {
  it('covers what is visible, for every scroll position', () => {
    const [height, count] = [10 * ROW_HEIGHT + 5, 500];
    for (let top = 0; top <= count * ROW_HEIGHT - height; top += 7) {
      const { start, end } = virtualWindow(top, height, count);
      expect(start * ROW_HEIGHT).toBeLessThanOrEqual(top);
      expect(end * ROW_HEIGHT).toBeGreaterThanOrEqual(Math.min(top + height, count * ROW_HEIGHT));
      expect(end - start).toBeLessThan(40);
    }
  });

  it('leaves out what is not visible when it jumps, until it is asked again', () => {
    const [top, height, count] = [100 * ROW_HEIGHT + 3, 10 * ROW_HEIGHT, 500];
    const whole = virtualWindow(top, height, count);
    const jumped = virtualWindow(top, height, count, { start: 0, end: 20 });
    expect(jumped).toEqual({ start: 100, end: 111 });
    expect(whole.start).toBeLessThan(jumped.start);
    expect(virtualWindow(top, height, count, { start: 0, end: 101 })).toEqual(whole);
    expect(virtualWindow(top, height, count, jumped)).toEqual(whole);
  });

  it('is empty without lines and stays in bounds when the list shrank under it', () => {
    expect(virtualWindow(0, 100, 0)).toEqual({ start: 0, end: 0 });
    expect(virtualWindow(1e6, 100, 10)).toEqual({ start: 10, end: 10 });
  });
});

describe('scrollToShow(index, scrollTop, height)', () => {
  it('moves only as far as needed', () => {
    expect(scrollToShow(5, 0, 10 * ROW_HEIGHT)).toBe(0);
    expect(scrollToShow(10, 0, 10 * ROW_HEIGHT)).toBe(ROW_HEIGHT);
    expect(scrollToShow(2, 5 * ROW_HEIGHT, 10 * ROW_HEIGHT)).toBe(2 * ROW_HEIGHT);
  });
});
