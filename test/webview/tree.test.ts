import { describe, expect, it } from 'vitest';
import { filterRows, rankedLines, treeLines, type Line } from '../../webview/tree/flatten';
import { rowsOf, rowTree, type TreeItem } from '../../webview/tree/rowTree';
import { totalsOf } from '../../webview/tree/totals';
import { storedFormat, viewRow } from '../support/viewRows';

const rows = [
  viewRow('/encoder/layer1/conv', { path: ['encoder', 'layer1'] }),
  viewRow('/encoder/layer1/relu', { path: ['encoder', 'layer1'], isLayer: false, weight: null, op: 'Relu' }),
  viewRow('/encoder/layer2/conv', { path: ['encoder', 'layer2'] }),
  viewRow('/head/fc', { path: ['head', 'inner'], op: 'Gemm', parameters: 10 }),
  viewRow('last', { path: [], op: 'MatMul' }),
];

function outline(items: readonly TreeItem[], indent = ''): string[] {
  return items.flatMap((item) =>
    item.kind === 'group'
      ? [`${indent}${item.name} (${item.rows.length})`, ...outline(item.children, `${indent}  `)]
      : [indent + item.row.name],
  );
}

const allOpen = { isOpen: () => true };
const idsOf = (lines: readonly Line[]): string[] => lines.map(({ item }) => item.id);

describe('rowTree(rows)', () => {
  it('groups by path in the order of the model and joins chains of only children', () => {
    expect(outline(rowTree(rows))).toEqual([
      'encoder (3)',
      '  layer1 (2)',
      '    /encoder/layer1/conv',
      '    /encoder/layer1/relu',
      '  layer2 (1)',
      '    /encoder/layer2/conv',
      'head / inner (1)',
      '  /head/fc',
      'last',
    ]);
  });

  it('does not repeat the names of parents, as name scopes do', () => {
    const conv = viewRow('conv', { path: ['layer1', 'layer1.0', 'layer1.0.conv'] });
    const down = viewRow('down', { path: ['layer1', 'layer1.0', 'layer1.0.down', 'layer1.0.down.0'] });
    const other = viewRow('other', { path: ['layer1', 'layer10'] });
    expect(outline(rowTree([conv, down, other]))).toEqual([
      'layer1 (3)',
      '  0 (2)',
      '    conv (1)',
      '      conv',
      '    down / 0 (1)',
      '      down',
      '  layer10 (1)',
      '    other',
    ]);
  });

  it('gives every item an id of its own, also where module names contain separators', () => {
    const tree = rowTree([
      viewRow('a', { path: ['x/y'] }),
      viewRow('b', { path: ['x', 'y'] }),
      viewRow('x/y'),
    ]);
    const ids = idsOf(treeLines(tree, allOpen));
    expect(new Set(ids).size).toBe(ids.length);
  });

  it('keeps the groups apart around which rows may still come, so that none changes its id', () => {
    const first = rows.slice(0, 2);
    expect(outline(rowTree(first))).toEqual([
      'encoder / layer1 (2)',
      '  /encoder/layer1/conv',
      '  /encoder/layer1/relu',
    ]);
    const coming = rowTree(first, false);
    expect(outline(coming)).toEqual([
      'encoder (2)',
      '  layer1 (2)',
      '    /encoder/layer1/conv',
      '    /encoder/layer1/relu',
    ]);
    const whole = idsOf(treeLines(rowTree(rows), allOpen));
    expect(whole).toEqual(expect.arrayContaining(idsOf(treeLines(coming, allOpen))));
    expect(outline(rowTree(rows.slice(2, 5), false))).toContain('head / inner (1)');
  });

  it('of no rows is empty', () => expect(rowTree([])).toEqual([]));
});

describe('treeLines(tree, visible)', () => {
  it('leaves out what is below closed groups, and tells assistive technology where each line is', () => {
    const tree = rowTree(rows);
    const closed = treeLines(tree, { isOpen: (id) => id === 'group:encoder' });
    expect(
      closed.map(({ level, position, setSize, expanded, parent }) => [
        level,
        position,
        setSize,
        expanded,
        parent,
      ]),
    ).toEqual([
      [1, 1, 3, true, -1],
      [2, 1, 2, false, 0],
      [2, 2, 2, false, 0],
      [1, 2, 3, false, -1],
      [1, 3, 3, undefined, -1],
    ]);
  });
});

describe('rankedLines(rows, sort)', () => {
  const measured = (name: string, sensitivity: number | null) =>
    viewRow(name, { candidate: { layer: name, scheme: 'w8a8', sensitivity, localSqnrDb: null, bytes: 0 } });
  const some = [measured('a10', 0.1), viewRow('a9'), measured('a2', 0.9), measured('failed', null)];
  const names = (lines: readonly Line[]): string[] =>
    lines.flatMap(({ item }) => rowsOf(item).map(({ name }) => name));

  it('ranks guesses behind what was measured, in both directions: they have another unit', () => {
    const guess = (name: string, sensitivity: number) =>
      viewRow(name, {
        candidate: {
          layer: name,
          scheme: 'w8a8',
          sensitivity,
          localSqnrDb: null,
          bytes: 0,
          provisional: true,
        },
      });
    const mixed = [guess('guess', 5), ...some, guess('small guess', 0.01)];
    const order = (descending: boolean): string[] =>
      names(rankedLines(mixed, { column: 'sensitivity', descending }));
    expect(order(true)).toEqual(['a2', 'a10', 'guess', 'small guess', 'failed', 'a9']);
    expect(order(false)).toEqual(['a10', 'a2', 'small guess', 'guess', 'failed', 'a9']);
  });

  it('puts the worst layer of the model first and the unknown last, in both directions', () => {
    expect(names(rankedLines(some, { column: 'sensitivity', descending: true }))).toEqual([
      'a2',
      'a10',
      'failed',
      'a9',
    ]);
    expect(names(rankedLines(some, { column: 'sensitivity', descending: false }))).toEqual([
      'a10',
      'a2',
      'failed',
      'a9',
    ]);
  });

  it('orders numbers in names as numbers', () => {
    expect(names(rankedLines(some, { column: 'name', descending: false }))).toEqual([
      'a2',
      'a9',
      'a10',
      'failed',
    ]);
  });
});

describe('filterRows(rows, filter, shown)', () => {
  const found = (filter: string, showNodes = false): string[] =>
    filterRows(rows, filter, { showNodes, showRaw: false }).map(({ name }) => name);

  it('wants every word, in any column and case', () => {
    expect(found('conv LAYER2')).toEqual(['/encoder/layer2/conv']);
    expect(found('gemm w8a8')).toEqual(['/head/fc']);
    expect(found('8×4×3×3 gemm')).toEqual(['/head/fc']);
    expect(found('nothing')).toEqual([]);
  });

  it('hides nodes without a weight unless asked for', () => {
    expect(found('relu')).toEqual([]);
    expect(found('relu', true)).toEqual(['/encoder/layer1/relu']);
  });

  it('hides what only expresses a format until raw nodes are asked for, and shows those alone', () => {
    const raw = viewRow('dq', { isLayer: false, weight: null, op: 'DequantizeLinear', foldedInto: 'last' });
    const names = (showNodes: boolean, showRaw: boolean): string[] =>
      filterRows([...rows.slice(1, 2), raw, ...rows.slice(4)], '', { showNodes, showRaw }).map(
        ({ name }) => name,
      );
    expect(names(false, false)).toEqual(['last']);
    expect(names(true, false)).toEqual(['/encoder/layer1/relu', 'last']);
    expect(names(false, true)).toEqual(['dq', 'last']);
    expect(names(true, true)).toEqual(['/encoder/layer1/relu', 'dq', 'last']);
  });

  it('finds the stored format by its badge', () => {
    const codebook = viewRow('lut', { stored: storedFormat('lut16') });
    const shown = { showNodes: false, showRaw: false };
    expect(filterRows([...rows, codebook], 'LUT16', shown).map(({ name }) => name)).toEqual(['lut']);
  });
});

describe('totalsOf(rows)', () => {
  it('adds up, and says how much is unknown instead of counting it as zero', () => {
    const totals = totalsOf([viewRow('a'), viewRow('b', { macs: null, scheme: 'float' })]);
    expect(totals).toMatchObject({ layers: 2, parameters: 576, macs: 1000, macsUnknown: 1, scheme: 'mixed' });
    expect(totals.schemeDetail).toBe('1 w8a8, 1 float');
  });

  it('shows the stored type of what is quantized already, and never calls it float', () => {
    const stored = (badge: string) =>
      viewRow('a', { stored: storedFormat(badge), quantizable: false, scheme: 'float' });
    expect(totalsOf([stored('int8')]).scheme).toBe('int8');
    expect(totalsOf([stored('lut16')]).scheme).toBe('lut16');
    expect(totalsOf([stored('float16')]).scheme).toBe('float');
    expect(totalsOf([viewRow('lstm', { quantizable: false, scheme: 'float' })]).scheme).toBe('float');
  });

  it('counts a weight that two layers use once, and whole where only its second user is in the group', () => {
    const weight = { name: 'tied', shape: [288], dtype: 'float', hash: null };
    const first = viewRow('embed', { weight });
    // Its bias is its own.
    const shared = { parameters: 288, bytes: 1152 };
    const second = viewRow('head', { weight, parameters: 298, bytes: 1192, shared });
    const other = viewRow('other');
    expect(totalsOf([first, other, second])).toMatchObject({ parameters: 586, bytes: 2344 });
    expect(totalsOf([other, second])).toMatchObject({ parameters: 586, bytes: 2344 });
    expect(totalsOf([second])).toMatchObject({ parameters: 298, bytes: 1192 });
  });

  it('shows the worst measured layer, and a guess only where nothing was measured', () => {
    const row = (name: string, sensitivity: number | null, provisional?: true) =>
      viewRow(name, {
        candidate: { layer: name, scheme: 'w8a8', sensitivity, localSqnrDb: null, bytes: 0, provisional },
      });
    const guesses = [row('a', 7, true), row('b', 9, true)];
    expect(totalsOf(guesses).worst).toMatchObject({ sensitivity: 9, provisional: true });
    const measured = [...guesses, row('c', 0.2), row('d', 0.1), row('e', null)];
    expect(totalsOf(measured).worst).toMatchObject({ sensitivity: 0.2, provisional: undefined });
  });

  it('knows no MACs where none is known, and no sensitivity before a scan', () => {
    expect(totalsOf([viewRow('a', { macs: null })])).toMatchObject({
      macs: null,
      worst: null,
      scheme: 'w8a8',
    });
  });
});
