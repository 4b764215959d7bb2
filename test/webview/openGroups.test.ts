import { describe, expect, it } from 'vitest';
import { ALL_CLOSED, ALL_OPEN, openGroups, withOpen } from '../../webview/tree/openGroups';
import { rowTree } from '../../webview/tree/rowTree';
import { INITIAL_VIEW_STATE } from '../../webview/viewState';
import { viewRow } from '../support/viewRows';

const rows = [
  viewRow('conv', { path: ['encoder', 'layer1'] }),
  viewRow('other', { path: ['encoder'] }),
  viewRow('fc', { path: ['head'] }),
];
const first = rowTree(rows.slice(0, 2), false);
const whole = rowTree(rows);
const ids = ['group:encoder', 'group:encoder\0layer1', 'group:head'];
const opened = (...given: Parameters<typeof openGroups>): string[] => [...openGroups(...given)];

describe('openGroups(tree, state, rows)', () => {
  it('opens the groups of a small model at first, and none of a larger one', () => {
    expect(opened(whole, INITIAL_VIEW_STATE, 3)).toEqual(ids);
    expect(opened(whole, INITIAL_VIEW_STATE, 300)).toEqual([]);
  });

  it('opens groups that come after Expand All, but not those that were closed since', () => {
    expect(opened(first, ALL_OPEN, Infinity)).toEqual(ids.slice(0, 2));
    expect(opened(whole, ALL_OPEN, 300)).toEqual(ids);
    const state = withOpen(ALL_OPEN, openGroups(first, ALL_OPEN, Infinity), ['group:encoder'], false);
    expect(opened(whole, state, 300)).toEqual(['group:encoder\0layer1', 'group:head']);
    expect(opened(whole, withOpen(state, new Set(), ['group:encoder'], true), 300)).toEqual(ids);
  });

  it('opens what was opened after Collapse All', () => {
    const state = withOpen(ALL_CLOSED, new Set(), ['group:head', 'group:encoder'], true);
    expect(opened(whole, state, 3)).toEqual(['group:head', 'group:encoder']);
    expect(opened(whole, withOpen(state, new Set(state.open), ['group:head'], false), 3)).toEqual([
      'group:encoder',
    ]);
  });
});
