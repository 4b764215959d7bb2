import { expect, it } from 'vitest';
import { HeldReveals } from '../../src/extension/editor/heldReveals';

it('keeps the last reveal for a view that is not there yet', () => {
  const delivered: string[] = [];
  const reveals = new HeldReveals(({ layer }) => delivered.push(layer));
  const post = (layer: string): void => reveals.post({ event: 'reveal', layer, explain: true });
  post('a');
  post('b');
  expect(delivered).toEqual([]);
  reveals.open();
  post('c');
  expect(delivered).toEqual(['b', 'c']);
  reveals.close();
  post('d');
  reveals.open();
  reveals.open();
  expect(delivered).toEqual(['b', 'c', 'd']);
});
