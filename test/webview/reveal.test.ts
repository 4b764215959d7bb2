import { describe, expect, it } from 'vitest';
import { revealChange } from '../../webview/reveal';
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

describe('revealChange(rows, view, open, layer)', () => {
  it('selects the row, opens the groups around it and keeps those that are open', () => {
    const change = revealChange(rows, INITIAL_VIEW_STATE, new Set(['group:x']), 'conv');
    expect(change).toMatchObject({ selected: ['row:conv'], active: 'row:conv', filter: '' });
    expect(change?.open).toEqual(['group:x', 'group:encoder', 'group:encoder\0layer1']);
  });

  it('takes away a filter that hides the row, and no other', () => {
    expect(revealChange(rows, view, new Set(), 'conv')?.filter).toBe('');
    expect(revealChange(rows, view, new Set(), 'other')?.filter).toBe('other');
  });

  it('shows nodes without a weight when one of them is meant', () => {
    expect(revealChange(rows, INITIAL_VIEW_STATE, new Set(), 'relu')).toMatchObject({ showNodes: true });
    expect(revealChange(rows, INITIAL_VIEW_STATE, new Set(), 'top')).toMatchObject({ showNodes: false });
  });

  it('waits for rows that are not there yet', () => {
    expect(revealChange([], view, new Set(), 'conv')).toBeUndefined();
  });
});

describe('rowName(id)', () => {
  it('is the name of a row, and nothing for a group', () => {
    expect(rowName('row:/a/row:b')).toBe('/a/row:b');
    expect(rowName('group:a')).toBeNull();
  });
});
