import { describe, expect, it } from 'vitest';
import { exportName } from '../../src/shared/exportRpc';

describe('exportName(title)', () => {
  it.each([
    ['Range by channel', 'range-by-channel'],
    ['Class scores of sample 12', 'class-scores-of-sample-12'],
    ['a/../b\\c: "d" é', 'a-b-c-d-é'],
    ['…', 'chart'],
  ])('%s → %s', (title, name) => expect(exportName(title)).toBe(name));
});
