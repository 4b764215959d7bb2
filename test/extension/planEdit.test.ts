import { stampHashes } from '../../src/core/plan/editPlan';
import { describe, expect, it } from 'vitest';
import { defaultPlan, parsePlan, serializePlan } from '../../src/core/plan/planFile';
import type { Plan } from '../../src/core/plan/types';
import {
  applyEdit,
  calibrationEdit,
  compensationEdit,
  dimensionEdit,
  fixedRangeEdit,
  replaceEdit,
  sameMeasurement,
  schemeEdit,
  type PlanEdit,
} from '../../src/extension/editor/planEdit';
import { uniform } from '../support/random';

const hash = 'sha256:0123456789abcdef';
const noHashes = new Map<string, string>();

describe('applyEdit', () => {
  it('gives entries their scheme and takes it back', () => {
    const edit = schemeEdit(defaultPlan, ['a', 'b'], { scheme: 'float' }, new Map([['a', hash]]));
    const after = applyEdit(defaultPlan, edit, 'forward');
    expect(after.layers).toEqual({ a: { scheme: 'float', weightHash: hash }, b: { scheme: 'float' } });
    expect(applyEdit(after, edit, 'backward')).toEqual(defaultPlan);
  });

  it('leaves entries alone that the edit does not name, whenever they were made', () => {
    const edit = schemeEdit(defaultPlan, ['a'], { scheme: 'float' }, noHashes);
    const outside: Plan = { ...defaultPlan, layers: { z: { scheme: 'float' } } };
    const both = applyEdit(outside, edit, 'forward');
    expect(Object.keys(both.layers)).toEqual(['z', 'a']);
    expect(applyEdit(both, edit, 'backward')).toEqual(outside);
  });

  it('handles nodes that are called like members of every object', () => {
    const edit = schemeEdit(defaultPlan, ['constructor', '__proto__'], { scheme: 'float' }, noHashes);
    const after = applyEdit(defaultPlan, edit, 'forward');
    expect(Object.keys(after.layers)).toEqual(['constructor', '__proto__']);
    expect(parsePlan(serializePlan(after), 'plan').layers).toEqual(after.layers);
    expect(Object.keys(applyEdit(after, edit, 'backward').layers)).toEqual([]);
  });

  it('undoes and redoes any sequence of random edits exactly', () => {
    const random = uniform(7);
    const pick = (count: number): number => Math.floor(random() * count);
    const schemes = ['w8a8', 'float', 'auto'] as const;
    const states: Plan[] = [defaultPlan];
    const edits: PlanEdit[] = [];
    for (let step = 0; step < 300; step++) {
      const plan = states.at(-1) ?? defaultPlan;
      const names = [...new Set([`n${pick(9)}`, `n${pick(9)}`])];
      const edit = [
        schemeEdit(plan, names, { scheme: schemes[pick(3)] ?? 'float' }, noHashes),
        dimensionEdit(plan, `d${pick(3)}`, pick(2) ? pick(64) + 1 : null),
        calibrationEdit(plan, { data: `set${pick(3)}`, samples: pick(99) + 1, seed: pick(5) }),
      ][pick(3)];
      if (!edit) continue;
      edits.push(edit);
      states.push(applyEdit(plan, edit, 'forward'));
    }
    let plan = states.at(-1) ?? defaultPlan;
    for (let step = edits.length - 1; step >= 0; step--) {
      plan = applyEdit(plan, edits[step] as PlanEdit, 'backward');
      expect(plan).toEqual(states[step]);
    }
    edits.forEach((edit, step) => {
      plan = applyEdit(plan, edit, 'forward');
      expect(plan).toEqual(states[step + 1]);
    });
  });
});

describe('labels', () => {
  it('say what is done to what', () => {
    expect(schemeEdit(defaultPlan, ['conv1'], { scheme: 'float' }, noHashes).label).toBe('Keep Float: conv1');
    expect(schemeEdit(defaultPlan, ['a', 'b', 'c'], { scheme: 'w8a8' }, noHashes).label).toBe(
      'Quantize (w8a8): 3 layers',
    );
    expect(dimensionEdit(defaultPlan, 'batch', 4).label).toBe('Set Dimension: batch = 4');
  });
});

describe('dimensionEdit', () => {
  it('leaves no empty dimensions behind', () => {
    const set = applyEdit(defaultPlan, dimensionEdit(defaultPlan, 'batch', 1), 'forward');
    expect(set.dimensions).toEqual({ batch: 1 });
    const cleared = applyEdit(set, dimensionEdit(set, 'batch', null), 'forward');
    expect(serializePlan(cleared)).toBe(serializePlan(defaultPlan));
  });
});

describe('compensationEdit', () => {
  it('sets the steps and the scheme of layers as one edit', () => {
    const chosen = { names: ['a', 'b'], format: { scheme: 'w4' }, hashes: new Map([['a', hash]]) } as const;
    const edit = compensationEdit(defaultPlan, chosen, ['bias', 'gptq']);
    expect(edit.label).toBe('Compensate: bias, gptq');
    const after = applyEdit(defaultPlan, edit, 'forward');
    expect(after).toEqual({
      ...defaultPlan,
      recover: { steps: ['gptq', 'bias'] },
      layers: { a: { scheme: 'w4', weightHash: hash }, b: { scheme: 'w4' } },
    });
    expect(applyEdit(after, edit, 'backward')).toEqual(defaultPlan);
    const none = compensationEdit(after, undefined, []);
    expect(none.label).toBe('Round to the Nearest');
    expect(applyEdit(after, none, 'forward')).toEqual({ ...defaultPlan, layers: after.layers });
  });
});

describe('fixedRangeEdit', () => {
  const range = { min: -0.5, max: 2 };

  it('fixes a range and leaves nothing behind when it goes', () => {
    const edit = fixedRangeEdit(defaultPlan, 'x', range);
    expect(edit.label).toBe('Fix Range: x');
    const fixed = applyEdit(defaultPlan, edit, 'forward');
    expect(fixed.tensors).toEqual({ x: range });
    expect(applyEdit(fixed, edit, 'backward')).toEqual(defaultPlan);
    const released = applyEdit(fixed, fixedRangeEdit(fixed, 'x', null), 'forward');
    expect(serializePlan(released)).toBe(serializePlan(defaultPlan));
  });

  it('takes the place of a rule or of parameters, and keeps the type and other values', () => {
    const plan: Plan = {
      ...defaultPlan,
      tensors: { x: { type: 'int8', symmetric: true, range: 'mse' }, y: { scale: 0.5, zeroPoint: 3 } },
    };
    expect(applyEdit(plan, fixedRangeEdit(plan, 'x', range), 'forward').tensors).toEqual({
      x: { type: 'int8', symmetric: true, ...range },
      y: { scale: 0.5, zeroPoint: 3 },
    });
    expect(applyEdit(plan, fixedRangeEdit(plan, 'y', range), 'forward').tensors?.['y']).toEqual(range);
  });
});

describe('replaceEdit', () => {
  it('takes over a whole plan as one step', () => {
    const mine: Plan = { ...defaultPlan, layers: { a: { scheme: 'float' } } };
    const theirs: Plan = { ...defaultPlan, activationType: 'int8', layers: { b: { scheme: 'float' } } };
    const edit = replaceEdit(mine, theirs);
    expect(applyEdit(mine, edit, 'forward')).toEqual(theirs);
    expect(applyEdit(theirs, edit, 'backward')).toEqual(mine);
  });
});

describe('stampHashes', () => {
  it('adds hashes where there are none and keeps those of older weights', () => {
    const plan: Plan = {
      ...defaultPlan,
      layers: { a: { scheme: 'float', weightHash: 'sha256:ffffffffffffffff' }, b: { scheme: 'w8a8' } },
    };
    const stamped = stampHashes(plan, new Map(['a', 'b'].map((name) => [name, hash])));
    expect(stamped.layers).toEqual({
      a: { scheme: 'float', weightHash: 'sha256:ffffffffffffffff' },
      b: { scheme: 'w8a8', weightHash: hash },
    });
  });
});

describe('sameMeasurement', () => {
  it('does not depend on which layers are quantized, but on data, ranges and shapes', () => {
    const layers = applyEdit(
      defaultPlan,
      schemeEdit(defaultPlan, ['a'], { scheme: 'float' }, noHashes),
      'forward',
    );
    expect(sameMeasurement(defaultPlan, layers)).toBe(true);
    expect(sameMeasurement(defaultPlan, { ...defaultPlan, activationRange: 'max' })).toBe(false);
    expect(sameMeasurement(defaultPlan, { ...defaultPlan, dimensions: { batch: 1 } })).toBe(false);
  });
});
