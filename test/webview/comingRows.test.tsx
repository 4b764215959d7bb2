import { describe, expect, it } from 'vitest';
import { treeLines } from '../../webview/tree/flatten';
import { GridRow } from '../../webview/tree/GridRow';
import { rowCountText } from '../../webview/tree/rowCount';
import { rowTree } from '../../webview/tree/rowTree';
import { rowScales } from '../../webview/tree/sensitivity';
import { INITIAL_VIEW_STATE, needsAllRows } from '../../webview/viewState';
import { renderMarkup } from '../support/renderMarkup';
import { viewRow } from '../support/viewRows';

const rows = [
  viewRow('/encoder/layer1/conv', { path: ['encoder', 'layer1'] }),
  viewRow('/encoder/layer2/conv', { path: ['encoder', 'layer2'] }),
  viewRow('/head/fc', { path: ['head', 'inner'], op: 'Gemm' }),
  viewRow('last', { path: [], op: 'MatMul' }),
];

describe('while rows are still to come', () => {
  it('groups tell no sums, and their number is not known', () => {
    const [group] = treeLines(rowTree(rows, false), { isOpen: () => false });
    if (!group) throw new Error('There is no line.');
    const draw = (isComplete: boolean): string =>
      renderMarkup(
        <GridRow
          line={group}
          index={0}
          selected={false}
          active={false}
          changed={false}
          showPath={false}
          context={{ scales: rowScales(rows, null), measured: null, isCompensated: false }}
          isComplete={isComplete}
        />,
      );
    expect(draw(true)).toMatch(/aria-setsize="3"[^]*2 layers[^]*w8a8/);
    expect(draw(false)).toMatch(/aria-setsize="-1"[^]*encoder[^]*…/);
    expect(draw(false)).not.toMatch(/layers|w8a8|\d k?B/);
  });

  it('the number of rows is not said to be all', () => {
    expect(rowCountText(5, 5, true)).toBe('');
    expect(rowCountText(2, 1500, true)).toBe('2 of 1,500');
    expect(rowCountText(1500, 1500, false)).toBe('First 1,500, reading the rest…');
    expect(rowCountText(2, 1500, false)).toBe('2 of the first 1,500, reading the rest…');
  });

  it('a view waits for all of them that was scrolled, sorted or filtered before', () => {
    const begin = INITIAL_VIEW_STATE;
    expect(needsAllRows({ ...begin, selected: ['row:a'], open: ['group:a'] })).toBe(false);
    expect(needsAllRows({ ...begin, filter: ' ' })).toBe(false);
    expect(needsAllRows({ ...begin, filter: 'conv' })).toBe(true);
    expect(needsAllRows({ ...begin, scrollTop: 48 })).toBe(true);
    expect(needsAllRows({ ...begin, sort: { column: 'bytes', descending: true } })).toBe(true);
  });
});
