import { describe, expect, it } from 'vitest';
import { indexGraph } from '../../../src/core/graph/graphIndex';
import { findLayers } from '../../../src/core/graph/layers';
import { inferShapes } from '../../../src/core/graph/shapes';
import { floatTensor } from '../../../src/core/onnx/build';
import { readFloat32 } from '../../../src/core/onnx/tensor';
import {
  bitsGrid,
  gridEnds,
  powersOfTwoGrid,
  tableGrid,
  uniformGrid,
} from '../../../src/core/quant/errorGrid';
import { errorSplit, exactError } from '../../../src/core/quant/errorSplit';
import { formatGrid } from '../../../src/core/quant/formatGrid';
import { parseFormat, type LayerFormat } from '../../../src/core/quant/layerFormat';
import { encodeWeight } from '../../../src/core/rewrite/weights/encodeWeight';
import { plainSite } from '../../../src/core/rewrite/weights/weightSite';
import { openModelFile } from '../../../src/engine/files/modelFile';
import { normalNoise, uniform } from '../../support/random';
import { sharedModel } from '../../support/sharedModels';

function format(text: string): LayerFormat {
  const parsed = parseFormat(text);
  if ('mistake' in parsed) throw new Error(parsed.mistake);
  return parsed;
}

/** Heavier tails than a normal distribution has, and more above zero than below. */
function lopsided(length: number, seed: number): Float32Array {
  const random = uniform(seed);
  return normalNoise(length, seed + 1).map((value) => value * (1 + 3 * random() ** 4) + 0.2);
}

/** By the definition, over every number of the grid. */
function bruteForce(
  values: Float32Array,
  numbers: readonly number[],
): { clipping: number; rounding: number } {
  const low = Math.min(...numbers);
  const high = Math.max(...numbers);
  let [clipping, rounding] = [0, 0];
  for (const value of values) {
    if (value > high) clipping += (value - high) ** 2;
    else if (value < low) clipping += (value - low) ** 2;
    else {
      let least = Infinity;
      for (const number of numbers) least = Math.min(least, (value - number) ** 2);
      rounding += least;
    }
  }
  return { clipping, rounding };
}

const whole = (from: number, to: number): number[] =>
  Array.from({ length: to - from + 1 }, (_, i) => from + i);

/** ±a over 255 steps: zero is half-way between two codes, and goes to the even one, if its quotient is exactly half-way. */
function codesOver255(a: number, first: number): number[] {
  const width = Math.fround(2 * Math.fround(a));
  const exact = first + Math.fround(a) / (width / 255);
  const zero = Math.abs(exact % 1) === 0.5 ? 2 * Math.round(exact / 2) : Math.round(exact);
  return whole(first, first + 255).map((code) => (code - zero) * Math.fround(width / 255));
}

/** Numbers that a format can hold with a range of ±a, by its documentation; `table` where that depends on the values. */
const documented: readonly {
  readonly scheme: string;
  readonly numbers: (a: number, values: Float32Array) => number[];
}[] = [
  {
    scheme: 'w8',
    numbers: (a) => whole(-128, 127).map((code) => code * Math.fround((2 * Math.fround(a)) / 254)),
  },
  {
    scheme: 'w8,asymmetric',
    numbers: (a) => codesOver255(a, -128),
  },
  {
    scheme: 'w8,reduced',
    numbers: (a) => whole(-64, 64).map((code) => code * Math.fround((2 * Math.fround(a)) / 128)),
  },
  {
    scheme: 'w8,unsigned',
    numbers: (a) => codesOver255(a, 0),
  },
  { scheme: 'w4', numbers: (a) => whole(-8, 7).map((code) => code * Math.fround((2 * Math.fround(a)) / 15)) },
  {
    scheme: 'u4',
    numbers: (a, values) => {
      const low = Math.max(-a, Math.min(...values));
      const high = Math.min(a, Math.max(...values));
      return whole(0, 15).map((index) => low + ((high - low) / 15) * index);
    },
  },
  {
    scheme: 'pow2-5',
    numbers: (a) => {
      const top = Math.floor(Math.log2((4 * a) / 3));
      const powers = whole(top - 7, top).map((exponent) => 2 ** exponent);
      return [0, ...powers, ...powers.map((power) => -power)];
    },
  },
];

describe('formatGrid(format, values) and errorSplit', () => {
  const values = lopsided(4_000, 3);

  it.each(documented)(
    'split what $scheme makes of every range, as its numbers say',
    ({ scheme, numbers }) => {
      const family = formatGrid(format(scheme), values);
      if (!family) throw new Error('no grid');
      const { thresholds, clipping, rounding } = errorSplit(values, family, { rules: [] });
      for (let i = 0; i < thresholds.length; i += 7) {
        const expected = bruteForce(values, numbers(thresholds[i] ?? NaN, values));
        const total = expected.clipping + expected.rounding;
        expect(Math.abs((clipping[i] ?? NaN) - expected.clipping) / total).toBeLessThan(1e-6);
        expect(Math.abs((rounding[i] ?? NaN) - expected.rounding) / total).toBeLessThan(1e-6);
      }
    },
  );

  it.each(['w8', 'w8,asymmetric', 'w8,reduced', 'w8,unsigned', 'w4', 'w4,asymmetric', 'w4,unsigned'])(
    'tell the error of %s as it is written with a fixed range',
    async (scheme) => {
      const family = formatGrid(format(scheme), values);
      if (!family) throw new Error('no grid');
      const tensor = floatTensor('w', values, [values.length]);
      for (const a of [0.3, 1.7, 4, 9]) {
        const written = await encodeWeight(tensor, plainSite(21), format(`${scheme},fixed:${a}`)).values();
        const error = values.reduce((sum, value, i) => sum + (value - (written[i] ?? NaN)) ** 2, 0);
        const { clipping, rounding } = exactError(values)(family.at(a));
        // The runtime multiplies in float32.
        expect((clipping + rounding) / error).toBeCloseTo(1, 5);
      }
    },
  );

  it.each(['lut4', 'lut16', 'lut256'])('stretch the table of %s with the range', async (scheme) => {
    const family = formatGrid(format(scheme), values);
    if (!family) throw new Error('no grid');
    const tensor = floatTensor('w', values, [values.length]);
    const written = await encodeWeight(tensor, plainSite(21), format(`${scheme},tensor,no-gain`)).values();
    const table = [...new Set(written)];
    const reach = Math.max(...table.map(Math.abs));
    const { thresholds, clipping, rounding } = errorSplit(values, family, { rules: [] });
    for (let i = 0; i < thresholds.length; i += 9) {
      const stretched = table.map((value) => (value * (thresholds[i] ?? NaN)) / reach);
      const expected = bruteForce(values, stretched);
      const total = expected.clipping + expected.rounding;
      expect(Math.abs((clipping[i] ?? NaN) - expected.clipping) / total).toBeLessThan(1e-6);
      expect(Math.abs((rounding[i] ?? NaN) - expected.rounding) / total).toBeLessThan(1e-6);
    }
    const error = values.reduce((sum, value, i) => sum + (value - (written[i] ?? NaN)) ** 2, 0);
    const unstretched = exactError(values)(family.at(reach));
    expect((unstretched.clipping + unstretched.rounding) / error).toBeCloseTo(1, 5);
  });

  it.each([2, 3, 5, 8, 12, 16])('split asymmetric codes of %d bits over what there is', (bits) => {
    const within = { min: -1.5, max: 6 };
    const family = bitsGrid(bits, { symmetric: false, within });
    for (const a of [0.5, 2, 6]) {
      const [low, high] = [Math.max(-1.5, -a), Math.min(6, a)];
      const step = (high - low) / (2 ** bits - 1);
      const zero = Math.round(-low / step);
      const expected = values.reduce((sum, value) => {
        const code = Math.max(0, Math.min(2 ** bits - 1, Math.round(value / step) + zero));
        return sum + (value - (code - zero) * step) ** 2;
      }, 0);
      const { clipping, rounding } = exactError(values)(family.at(a));
      expect((clipping + rounding) / expected).toBeCloseTo(1, 7);
    }
  });

  it('give no grid where there is no range to choose', () => {
    expect(formatGrid(format('fp16'), values)).toBeUndefined();
    expect(formatGrid(format('float'), values)).toBeUndefined();
    expect(formatGrid(format('lut16'), new Float32Array(8))).toBeUndefined();
    expect(formatGrid(format('lut16'), new Float32Array(0))).toBeUndefined();
  });
});

describe('grids over a threshold', () => {
  it('reach as far as the threshold says, or as their codes can', () => {
    expect(gridEnds(tableGrid([0.5, -2, 1]).at(4))).toEqual({ min: -4, max: 2 });
    expect(gridEnds(powersOfTwoGrid(3).at(5))).toEqual({ min: -4, max: 4 });
    expect(gridEnds(powersOfTwoGrid(3).at(6))).toEqual({ min: -8, max: 8 });
    expect(gridEnds(uniformGrid(5, { min: -1, max: 3 }).at(2))).toEqual({ min: -1, max: 2 });
    expect(gridEnds(uniformGrid(5, { min: 1, max: 3 }).at(0.5))).toEqual({ min: 0.5, max: 0.5 });
    expect(gridEnds(bitsGrid(4, { symmetric: true }).at(7))).toEqual({ min: -7, max: 7 });
  });
});

describe('on weights of real models', () => {
  const models = [
    'mnist/mnist_cnn.onnx',
    'cifar10_resnet18/model.onnx',
    'cifar10_mobilenetv2/model.onnx',
    'unet/model.onnx',
    'squeezenet/fp32.onnx',
  ];

  it.each(models)('equals brute force: %s', async (name) => {
    const file = sharedModel(name);
    if (file === undefined) return;
    const opened = await openModelFile(file);
    try {
      const index = indexGraph(opened.model);
      const layers = findLayers(index, inferShapes(index)).filter(({ quantizable }) => quantizable);
      const chosen = [0, 0.4, 0.8].flatMap((part) => layers[Math.floor(part * layers.length)] ?? []);
      expect(chosen).toHaveLength(3);
      for (const { weight } of chosen) {
        if (!weight) throw new Error('no weight');
        const values = (await readFloat32(weight.tensor)).slice(0, 6_000);
        for (const { scheme, numbers } of documented) {
          const family = formatGrid(format(scheme), values);
          if (!family) throw new Error('no grid');
          const { thresholds, clipping, rounding } = errorSplit(values, family, { rules: [] });
          for (const i of [20, 45, 63]) {
            const expected = bruteForce(values, numbers(thresholds[i] ?? NaN, values));
            const total = expected.clipping + expected.rounding;
            expect(Math.abs((clipping[i] ?? NaN) - expected.clipping) / total).toBeLessThan(1e-6);
            expect(Math.abs((rounding[i] ?? NaN) - expected.rounding) / total).toBeLessThan(1e-6);
          }
        }
      }
    } finally {
      await opened.close();
    }
  });
});
