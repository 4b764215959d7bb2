import { expect, it } from 'vitest';
import { HeldWishes, type Wish } from '../../src/extension/editor/heldWishes';

it('keeps the last wish of each kind for a view that is not there yet', () => {
  const delivered: string[] = [];
  const wishes = new HeldWishes((wish: Wish) =>
    delivered.push(wish.event === 'reveal' ? wish.layer : wish.event),
  );
  const post = (layer: string): void => wishes.post({ event: 'reveal', layer, explain: true });
  post('a');
  post('b');
  wishes.post({ event: 'overview' });
  wishes.post({ event: 'overview' });
  expect(delivered).toEqual([]);
  wishes.open();
  post('c');
  expect(delivered).toEqual(['b', 'overview', 'c']);
  wishes.close();
  post('d');
  wishes.open();
  wishes.open();
  expect(delivered).toEqual(['b', 'overview', 'c', 'd']);
});
