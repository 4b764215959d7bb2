import { describe, expect, it } from 'vitest';
import type { ErrorSplitCurve } from '../../src/core/rangeResults';
import { applied, plannedRange, released } from '../../webview/inspector/rangeChange';

const weight: ErrorSplitCurve = {
  layer: 'conv1',
  value: 'conv1.weight',
  of: 'weight',
  bits: 8,
  type: 'int8',
  method: 'exact',
  stride: 1,
  samples: null,
  random: false,
  elements: 9,
  symmetric: true,
  extremes: { min: -1, max: 1 },
  isFolded: false,
  table: null,
  plannedDb: null,
  planned: null,
  whyNotFixed: null,
  thresholds: [0.5, 1],
  clipping: [1, 0],
  rounding: [1, 2],
  codes: [9, 5],
  possible: 256,
  markers: [],
  histogram: { edges: [0, 1], counts: [9] },
  energy: 4,
};
const input: ErrorSplitCurve = {
  ...weight,
  of: 'input',
  value: 'x',
  symmetric: false,
  extremes: { min: -0.25, max: 1 },
};
const plan = { fixedRanges: {} };

describe('applied(curve, scheme, plan, threshold)', () => {
  it('is the format of the layer with a fixed range, its other options kept', () => {
    expect(applied(weight, 'w8a8,tensor,mse', plan, 0.312)).toMatchObject({
      kind: 'scheme',
      scheme: 'w8a8,tensor,fixed:0.312',
    });
  });

  it('is the usual format of the width where the layer has another', () => {
    expect(applied(weight, 'float', plan, 0.5)).toMatchObject({ scheme: 'w8,fixed:0.5' });
    expect(applied({ ...weight, bits: 4 }, 'w8a8', plan, 0.5)).toMatchObject({ scheme: 'w4,fixed:0.5' });
  });

  it('is nothing where the plan has it already, or cannot have it', () => {
    expect(applied(weight, 'w8,fixed:0.5', plan, 0.5)).toBeUndefined();
    expect(applied({ ...weight, whyNotFixed: 'No.' }, 'w8', plan, 0.5)).toBeUndefined();
    expect(applied(input, 'w8a8', { fixedRanges: { x: { min: -0.25, max: 0.5 } } }, 0.5)).toBeUndefined();
  });

  it('is a range of the value for an activation', () => {
    expect(applied(input, 'w8a8', plan, 0.5)).toMatchObject({
      kind: 'value',
      value: 'x',
      range: { min: -0.25, max: 0.5 },
    });
  });
});

describe('plannedRange and released', () => {
  it('find the fixed range of the weight, of these codes only', () => {
    expect(plannedRange(weight, 'w8,tensor,fixed:0.5', plan)).toEqual({ min: -0.5, max: 0.5 });
    expect(plannedRange(weight, 'w4,fixed:0.5', plan)).toBeUndefined();
    expect(released(weight, 'w8,tensor,fixed:0.5', plan)).toMatchObject({ scheme: 'w8,tensor' });
    expect(released(weight, 'w8,mse', plan)).toBeUndefined();
  });

  it('find the fixed range of an activation', () => {
    const fixed = { fixedRanges: { x: { min: -0.75, max: 0.5 } } };
    expect(plannedRange(input, 'w8a8', fixed)).toEqual({ min: -0.75, max: 0.5 });
    expect(plannedRange({ ...input, symmetric: true }, 'w8a8', fixed)).toEqual({ min: -0.75, max: 0.75 });
    const above = { fixedRanges: { x: { min: 0.25, max: 0.5 } } };
    expect(plannedRange(input, 'w8a8', above)).toEqual({ min: 0, max: 0.5 });
    expect(released(input, 'w8a8', fixed)).toMatchObject({ value: 'x', range: null });
    expect(released(input, 'w8a8', plan)).toBeUndefined();
  });
});
