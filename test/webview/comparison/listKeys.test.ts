import { describe, expect, it } from 'vitest';
import { listStep } from '../../../webview/comparison/listKeys';

describe('listStep(key, at, length)', () => {
  it.each([
    ['ArrowDown', 4, 5],
    ['ArrowUp', 4, 3],
    ['ArrowUp', 0, 0],
    ['ArrowDown', 29, 29],
    ['ArrowDown', -1, 0],
    ['PageDown', 4, 14],
    ['PageUp', 4, 0],
    ['Home', 4, 0],
    ['End', 4, 29],
  ])('%s from %i leads to %i', (key, at, to) => expect(listStep(key, at, 30)).toBe(to));

  it('knows no other key', () => expect(listStep('a', 4, 30)).toBeUndefined());
});
