import { expect, it } from 'vitest';
import { DiceAccumulator } from '../../../src/core/quant/overlap';

it('DiceAccumulator gives 2·|A∩B| / (|A| + |B|) per class over all samples', () => {
  const overlap = new DiceAccumulator(3);
  overlap.add([0, 0, 1, 1], [0, 1, 1, 1]);
  overlap.add([0, 0], [0, 0]);
  // Class 0: both 3, sizes 4 + 3; class 1: both 2, sizes 2 + 3; class 2: in neither.
  expect(overlap.dice).toEqual([6 / 7, 4 / 5, 1]);
});
