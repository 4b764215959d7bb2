import { describe, expect, it } from 'vitest';
import { treeLines } from '../../webview/tree/flatten';
import { rowTree } from '../../webview/tree/rowTree';
import {
  click,
  contextClick,
  keyEffect,
  selectOnly,
  type Key,
  type Selection,
} from '../../webview/tree/selection';
import { viewRow } from '../support/viewRows';

const rows = ['a', 'b', 'c', 'd'].map((name) => viewRow(name, { path: name < 'c' ? ['g'] : [] }));
const lines = treeLines(rowTree(rows), { isOpen: () => true });
const closed = treeLines(rowTree(rows), { isOpen: () => false });
const [g, a, b, c, d] = ['group:g', 'row:a', 'row:b', 'row:c', 'row:d'] as const;

const key = (name: string, modifiers: Partial<Key> = {}): Key => ({
  key: name,
  shift: false,
  ctrl: false,
  ...modifiers,
});
const press = (selection: Selection, pressed: Key, page = 2) => keyEffect(selection, lines, pressed, page);
function after(selection: Selection, pressed: Key): [string[], string | null] {
  const effect = press(selection, pressed);
  if (effect?.kind !== 'select') throw new Error(`${pressed.key} did ${effect?.kind ?? 'nothing'}`);
  return [[...effect.selection.selected], effect.selection.active];
}

describe('click', () => {
  const at = (id: string) => selectOnly(id);
  it('replaces, toggles with Ctrl and extends with Shift', () => {
    expect([...click(at(a), lines, c, { shift: false, toggle: false }).selected]).toEqual([c]);
    expect([...click(at(a), lines, c, { shift: false, toggle: true }).selected]).toEqual([a, c]);
    expect([...click(at(a), lines, a, { shift: false, toggle: true }).selected]).toEqual([]);
    expect([...click(at(c), lines, a, { shift: true, toggle: false }).selected]).toEqual([a, b, c]);
  });

  it('with the right button keeps a selection that it hits and replaces one that it misses', () => {
    const two = click(at(a), lines, c, { shift: false, toggle: true });
    expect([...contextClick(two, a).selected]).toEqual([a, c]);
    expect([...contextClick(two, d).selected]).toEqual([d]);
  });
});

describe('keyEffect', () => {
  it('moves the focus with arrows, Home, End and pages, and stops at the ends', () => {
    expect(after(selectOnly(g), key('ArrowDown'))).toEqual([[a], a]);
    expect(after(selectOnly(g), key('ArrowUp'))).toEqual([[g], g]);
    expect(after(selectOnly(b), key('End'))).toEqual([[d], d]);
    expect(after(selectOnly(d), key('Home'))).toEqual([[g], g]);
    expect(after(selectOnly(g), key('PageDown'))).toEqual([[b], b]);
  });

  it('extends with Shift from where the range began', () => {
    const first = press(selectOnly(a), key('ArrowDown', { shift: true }));
    const second =
      first?.kind === 'select' ? press(first.selection, key('ArrowDown', { shift: true })) : undefined;
    expect(second?.kind === 'select' && [...second.selection.selected]).toEqual([a, b, c]);
    const back =
      second?.kind === 'select' ? press(second.selection, key('Home', { shift: true })) : undefined;
    expect(back?.kind === 'select' && [...back.selection.selected]).toEqual([g, a]);
  });

  it('moves only the focus with Ctrl, and Space then toggles', () => {
    const moved = press(selectOnly(a), key('ArrowDown', { ctrl: true }));
    if (moved?.kind !== 'select') throw new Error('no move');
    expect([[...moved.selection.selected], moved.selection.active]).toEqual([[a], b]);
    expect(after(moved.selection, key(' '))).toEqual([[a, b], b]);
  });

  it('opens and closes groups, and goes to the parent', () => {
    expect(keyEffect(selectOnly(g), closed, key('ArrowRight'), 2)).toEqual({ kind: 'expand', id: g });
    expect(after(selectOnly(g), key('ArrowRight'))).toEqual([[a], a]);
    expect(press(selectOnly(g), key('ArrowLeft'))).toEqual({ kind: 'collapse', id: g });
    expect(after(selectOnly(b), key('ArrowLeft'))).toEqual([[g], g]);
    expect(press(selectOnly(c), key('ArrowLeft'))).toBeUndefined();
    expect(keyEffect(selectOnly(g), closed, key('*'), 2)).toEqual({ kind: 'expandSiblings', ids: [g] });
  });

  it('goes to the inspector with Enter on a layer', () => {
    expect(press(selectOnly(a), key('Enter'))).toEqual({ kind: 'inspect' });
  });

  it('selects all with Ctrl+A and nothing with Escape', () => {
    expect(after(selectOnly(a), key('a', { ctrl: true }))[0]).toEqual([g, a, b, c, d]);
    expect(after(selectOnly(a), key('Escape'))[0]).toEqual([]);
    expect(press(selectOnly(a), key('a'))).toBeUndefined();
  });

  it('starts at the first line when the focused one was filtered away', () => {
    expect(after(selectOnly('row:gone'), key('ArrowDown'))).toEqual([[a], a]);
    expect(keyEffect(selectOnly(a), [], key('ArrowDown'), 2)).toBeUndefined();
  });
});
