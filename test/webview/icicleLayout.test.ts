import { describe, expect, it } from 'vitest';
import type { ViewRow } from '../../src/shared/viewRpc';
import { BAND_HEIGHT, icicle, type Shape } from '../../webview/overview/icicleLayout';
import { stepFrom } from '../../webview/overview/icicleKeys';
import { wholeModel, type Measure, type Module } from '../../webview/overview/modules';
import { modulesTo, WHOLE_MODEL, zoomedTo, zoomOut, type Zoom } from '../../webview/overview/zoom';
import { rowTree } from '../../webview/tree/rowTree';
import { viewRow } from '../support/viewRows';

const frame = { width: 400, height: 200 };

/** stem (100) and two blocks of two layers each (150 + 50, 80 + 20), the last of which shares half of its weight. */
const small: readonly ViewRow[] = [
  viewRow('stem', { bytes: 100, macs: 10 }),
  viewRow('relu', { isLayer: false, bytes: 0, macs: 0 }),
  viewRow('a.conv', { path: ['block', 'a'], bytes: 150, macs: null }),
  viewRow('a.fc', { path: ['block', 'a'], bytes: 50, macs: 30 }),
  viewRow('b.conv', { path: ['block', 'b'], bytes: 80, macs: 60 }),
  viewRow('b.fc', { path: ['block', 'b'], bytes: 40, macs: 0, shared: { parameters: 5, bytes: 20 } }),
];

const modelOf = (rows: readonly ViewRow[]): Module => wholeModel(rowTree(rows), 'net.onnx');
const draw = (rows = small, zoom: Zoom = WHOLE_MODEL, measure: Measure = 'bytes'): Shape[] =>
  icicle(modelOf(rows), zoom, measure, frame);
const boxes = (shapes: readonly Shape[]): string[] =>
  shapes.map(({ name, level, x, width, size }) => `${' '.repeat(level - 1)}${name} ${x}+${width} (${size})`);
/** Layers of 1 byte each, without modules. */
const flat = (count: number): ViewRow[] =>
  Array.from({ length: count }, (_, at) => viewRow(`n${at}`, { bytes: 1 }));

describe('icicle(model, zoom, measure, frame)', () => {
  it('makes modules and their parts as wide as they are large, in the order of the model', () => {
    expect(boxes(draw())).toEqual([
      'net.onnx 0+400 (400)',
      ' stem 0+100 (100)',
      ' block 100+300 (300)',
      '  a 100+200 (200)',
      '   a.conv 100+150 (150)',
      '   a.fc 250+50 (50)',
      '  b 300+100 (100)',
      '   b.conv 300+80 (80)',
      '   b.fc 380+20 (20)',
    ]);
  });

  it('measures MACs as well; what has none, or none that are known, is not drawn', () => {
    const names = draw(small, WHOLE_MODEL, 'macs').map(({ name, size }) => `${name} ${size}`);
    expect(names).toEqual(['net.onnx 100', 'stem 10', 'block 90', 'a 30', 'a.fc 30', 'b 60', 'b.conv 60']);
    const unknown = small.map((row) => ({ ...row, macs: null }));
    expect(draw(unknown, WHOLE_MODEL, 'macs')).toEqual([]);
  });

  it('puts modules into bands; what has no parts below it reaches to the ground', () => {
    for (const { isBand, y, height, level, kind } of draw()) {
      expect(y).toBe((level - 1) * BAND_HEIGHT);
      expect(isBand).toBe(kind !== 'row');
      expect(height).toBe(isBand ? BAND_HEIGHT : frame.height - y);
    }
    // So low that there is room for two bands only: modules stand for what is in them.
    const low = icicle(modelOf(small), WHOLE_MODEL, 'bytes', { width: 400, height: 90 });
    expect(low.map(({ name, isBand }) => `${name} ${isBand}`)).toEqual([
      'net.onnx true',
      'stem false',
      'block true',
      'a false',
      'b false',
    ]);
  });

  it('takes the worst layer of each module, and a guess only where nothing is measured', () => {
    const candidate = (sensitivity: number | null, provisional = false) => ({
      ...{ layer: '', scheme: 'w8a8', localSqnrDb: null, bytes: 0, sensitivity },
      ...(provisional && { provisional: true as const }),
    });
    const rows = small.map((row, at) => ({
      ...row,
      candidate:
        [candidate(0.1), null, candidate(5, true), candidate(0.3), candidate(9, true), candidate(null)][at] ??
        null,
    }));
    const worst = Object.fromEntries(draw(rows).map(({ name, worst: of }) => [name, of?.sensitivity]));
    expect(worst).toMatchObject({
      'net.onnx': 0.3,
      block: 0.3,
      a: 0.3,
      b: 9,
      'a.conv': 5,
      'b.fc': undefined,
    });
  });

  it('puts together what is too narrow, never what can be seen', () => {
    const rows = [
      ...flat(30),
      viewRow('large', { bytes: 10_000 }),
      ...flat(500).map((row) => ({ ...row, name: `t${row.name}` })),
    ];
    const shapes = draw(rows);
    expect(shapes.find(({ name }) => name === 'large')?.kind).toBe('row');
    const some = shapes.filter(({ kind }) => kind === 'some');
    expect(some.length).toBeGreaterThan(2);
    expect(some[0]).toMatchObject({ name: 'n0 … n29', size: 30, zoom: { path: [], span: [0, 30] } });
    expect(some.reduce((sum, { rows: { length } }) => sum + length, 1)).toBe(531);
    for (const { width } of some.slice(1, -1)) expect(width).toBeGreaterThanOrEqual(4);
  });

  it('shows what is zoomed to; from parts that are put together to all of them, however many', () => {
    expect(boxes(draw(small, { path: ['block', 'b'], span: null }))).toEqual([
      'b 0+400 (100)',
      ' b.conv 0+320 (80)',
      ' b.fc 320+80 (20)',
    ]);
    const many = flat(20_000);
    let zoom = WHOLE_MODEL;
    let shapes = draw(many);
    for (let steps = 0; shapes.some(({ kind }) => kind === 'some' && shapes.length > 2); steps++) {
      const [, first, second] = shapes;
      if (steps > 5 || !first?.zoom || !second?.zoom) throw new Error('It does not get nearer.');
      zoom = second.zoom;
      shapes = draw(many, zoom);
      if (shapes.every(({ kind }, at) => at === 0 || kind === 'row')) break;
    }
    const [from = 0, to = 0] = zoom.span ?? [];
    expect(shapes.slice(1).map(({ name }) => name)).toEqual(many.slice(from, to).map(({ name }) => name));
    expect(shapes.slice(1).every(({ width }) => width >= 4)).toBe(true);
  });

  it('shows the whole model where a zoom leads nowhere', () => {
    for (const zoom of [
      { path: ['gone'], span: null },
      { path: ['block', 'c'], span: null },
      { path: [], span: [7, 9] as const },
    ]) {
      expect(boxes(draw(small, zoom))).toEqual(boxes(draw()));
    }
  });

  it('has no two shapes of one id, and the same ids after a change of the plan', () => {
    const shapes = draw([...small, ...flat(3000)]);
    const ids = shapes.map(({ id }) => id);
    expect(new Set(ids).size).toBe(ids.length);
    const changed = [...small, ...flat(3000)].map((row) => ({ ...row, scheme: 'w4' }));
    expect(draw(changed).map(({ id }) => id)).toEqual(ids);
  });

  it('lays 100,000 layers out in no time, with few shapes', () => {
    const base = viewRow('');
    const make = (pathOf: (at: number) => string[]): ViewRow[] =>
      Array.from({ length: 100_000 }, (_, at) => ({
        ...base,
        name: `n${at}`,
        path: pathOf(at),
        bytes: 1 + ((at * 7919) % 5000),
      }));
    const deep = make((at) => [`stage${Math.floor(at / 10_000)}`, `block${Math.floor(at / 100)}`]);
    for (const rows of [deep, make(() => [])]) {
      const model = modelOf(rows);
      const times = Array.from({ length: 8 }, () => {
        // What this process computes, as other work on the machine must not count.
        const before = process.cpuUsage();
        expect(icicle(model, WHOLE_MODEL, 'bytes', { width: 1200, height: 300 }).length).toBeLessThan(1000);
        const { user, system } = process.cpuUsage(before);
        return (user + system) / 1000;
      });
      expect(Math.min(...times)).toBeLessThan(50);
    }
  });
});

describe('zoom', () => {
  it('goes out from parts to their module, and on to the model', () => {
    const model = modelOf(small);
    const out: (Zoom | null)[] = [{ path: ['block', 'a'], span: [0, 1] }];
    for (let last = out[0]; last; last = out.at(-1)) out.push(zoomOut(model, last));
    expect(out.slice(1)).toEqual([
      { path: ['block', 'a'], span: null },
      { path: ['block'], span: null },
      WHOLE_MODEL,
      null,
    ]);
  });

  it('is told by the modules on the way', () => {
    const model = modelOf(small);
    expect(modulesTo(model, ['block', 'a']).map(({ name }) => name)).toEqual(['net.onnx', 'block', 'a']);
    expect(modulesTo(model, ['none']).map(({ name }) => name)).toEqual(['net.onnx']);
    expect(zoomedTo(model, { path: ['block'], span: [0, 2] }).name).toBe('a … b');
  });
});

describe('stepFrom(shapes, position, key)', () => {
  const shapes = draw();
  const walk = (...keys: string[]): string[] => {
    let at = -1;
    return keys.map((key) => {
      at = stepFrom(shapes, at, key) ?? NaN;
      return shapes[at]?.name ?? 'nowhere';
    });
  };

  it('goes up to the module and down to its first part', () => {
    expect(walk('ArrowDown', 'ArrowDown', 'ArrowDown', 'ArrowUp', 'ArrowUp')).toEqual([
      'net.onnx',
      'stem',
      'stem',
      'net.onnx',
      'net.onnx',
    ]);
  });

  it('goes left and right over the borders of modules, as it looks', () => {
    const right = Array<string>(5).fill('ArrowRight');
    const left = Array<string>(4).fill('ArrowLeft');
    expect(walk('Home', 'ArrowDown', 'ArrowRight', 'ArrowDown', 'ArrowDown', ...right)).toEqual([
      ...['net.onnx', 'stem', 'block', 'a', 'a.conv'],
      ...['a.fc', 'b.conv', 'b.fc', 'b.fc', 'b.fc'],
    ]);
    expect(walk('Home', 'ArrowDown', 'ArrowRight', 'ArrowDown', 'ArrowDown', ...left)).toEqual([
      ...['net.onnx', 'stem', 'block', 'a', 'a.conv'],
      ...['stem', 'stem', 'stem', 'stem'],
    ]);
  });

  it('goes to the first and the last part of a module, and leaves other keys alone', () => {
    expect(walk('Home', 'ArrowDown', 'End', 'Home')).toEqual(['net.onnx', 'stem', 'block', 'stem']);
    expect(stepFrom(shapes, 0, 'a')).toBeUndefined();
    expect(stepFrom(shapes, 0, 'toString')).toBeUndefined();
    expect(stepFrom([], -1, 'ArrowDown')).toBeUndefined();
  });
});
