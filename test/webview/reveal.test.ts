import { describe, expect, it } from 'vitest';
import { revealChange, revealModuleChange } from '../../webview/reveal';
import { rowName } from '../../webview/tree/rowTree';
import { INITIAL_VIEW_STATE } from '../../webview/viewState';
import { viewRow } from '../support/viewRows';

const rows = [
  viewRow('conv', { path: ['encoder', 'layer1'] }),
  viewRow('other', { path: ['encoder'] }),
  viewRow('relu', { path: ['encoder'], isLayer: false, weight: null, op: 'Relu' }),
  viewRow('top'),
];
const view = { ...INITIAL_VIEW_STATE, filter: 'other' };

const shown = { rows, isComplete: true, open: new Set<string>() };

describe('revealChange(tree, view, layer)', () => {
  it('selects the row, opens the groups around it and keeps those that are open', () => {
    const change = revealChange({ ...shown, open: new Set(['group:x']) }, INITIAL_VIEW_STATE, 'conv');
    expect(change).toMatchObject({ selected: ['row:conv'], active: 'row:conv', filter: '' });
    expect(change?.open).toEqual(['group:x', 'group:encoder', 'group:encoder\0layer1']);
  });

  it('takes away a filter that hides the row, and no other', () => {
    expect(revealChange(shown, view, 'conv')?.filter).toBe('');
    expect(revealChange(shown, view, 'other')?.filter).toBe('other');
  });

  it('shows nodes without a weight when one of them is meant', () => {
    expect(revealChange(shown, INITIAL_VIEW_STATE, 'relu')).toMatchObject({ showNodes: true });
    expect(revealChange(shown, INITIAL_VIEW_STATE, 'top')).toMatchObject({ showNodes: false });
  });

  it('waits for rows that are not there yet', () => {
    expect(revealChange({ ...shown, rows: [] }, view, 'conv')).toBeUndefined();
  });

  it('opens groups that stay apart while rows are to come, and closes none after Expand All', () => {
    const chained = [viewRow('conv', { path: ['a', 'b'] })];
    const opened = revealChange({ ...shown, rows: chained, isComplete: false }, INITIAL_VIEW_STATE, 'conv');
    expect(opened?.open).toEqual(['group:a', 'group:a\0b']);
    const expanded = { ...INITIAL_VIEW_STATE, closed: ['group:encoder', 'group:x'] };
    expect(revealChange(shown, expanded, 'conv')).toMatchObject({ open: null, closed: ['group:x'] });
  });
});

describe('revealModuleChange(tree, view, path)', () => {
  const changeTo = (path: readonly string[], state = INITIAL_VIEW_STATE) =>
    revealModuleChange({ ...shown, open: new Set(['group:x']) }, state, path);

  it('selects the group, opens those around it, and leaves a ranking, which has no groups', () => {
    const sorted = { ...INITIAL_VIEW_STATE, sort: { column: 'macs', descending: true } as const };
    expect(changeTo(['encoder', 'layer1'], sorted)).toEqual({
      ...{ filter: '', showNodes: false, showRaw: false, sort: null },
      open: ['group:x', 'group:encoder'],
      closed: null,
      selected: ['group:encoder\0layer1'],
      active: 'group:encoder\0layer1',
    });
  });

  it('selects the group that stands for it where rows that are not shown make another one of it', () => {
    const chained = [
      viewRow('conv', { path: ['a', 'b'] }),
      viewRow('relu', { path: ['a'], isLayer: false, weight: null }),
    ];
    expect(revealModuleChange({ ...shown, rows: chained }, INITIAL_VIEW_STATE, ['a'])?.selected).toEqual([
      'group:a\0b',
    ]);
  });

  it('takes away a filter that hides all of it, and shows nodes where it has nothing else', () => {
    expect(changeTo(['encoder', 'layer1'], view)).toMatchObject({ filter: '', showNodes: false });
    expect(changeTo(['encoder'], view)?.filter).toBe('other');
    const nodes = [viewRow('relu', { path: ['tail'], isLayer: false, weight: null })];
    expect(revealModuleChange({ ...shown, rows: nodes }, INITIAL_VIEW_STATE, ['tail'])).toMatchObject({
      showNodes: true,
      selected: ['group:tail'],
    });
  });

  it('is nothing for a module that is not there', () => {
    expect(changeTo(['encoder', 'layer2'])).toBeUndefined();
  });
});

describe('rowName(id)', () => {
  it('is the name of a row, and nothing for a group', () => {
    expect(rowName('row:/a/row:b')).toBe('/a/row:b');
    expect(rowName('group:a')).toBeNull();
  });
});
