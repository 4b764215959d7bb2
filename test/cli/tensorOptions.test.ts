import { describe, expect, it } from 'vitest';
import { activationRange } from '../../src/cli/rangeRules';
import { tensorOverride } from '../../src/cli/tensorOptions';

describe('--tensor NAME=OPTION[,OPTION…]', () => {
  it.each([
    ['x=uint16', 'x', { type: 'uint16' }],
    ['a=b=int8,symmetric', 'a=b', { type: 'int8', symmetric: true }],
    ['x=asymmetric,percentile:99.9', 'x', { symmetric: false, range: 'percentile:99.9' }],
    ['x=-1.5..2e1', 'x', { min: -1.5, max: 20 }],
    ['x=0..6, int16', 'x', { min: 0, max: 6, type: 'int16' }],
    ['x=scale:0.25,zero-point:-3', 'x', { scale: 0.25, zeroPoint: -3 }],
    ['x=scale:1e-3,zero-point:0', 'x', { scale: 0.001, zeroPoint: 0 }],
    ['/layer/Relu_output_0=entropy', '/layer/Relu_output_0', { range: 'entropy' }],
  ])('%s', (text, name, override) => {
    expect(tensorOverride(text, { before: { type: 'int8' } })).toEqual({
      before: { type: 'int8' },
      [name]: override,
    });
  });

  it.each([
    ['x', /NAME=OPTION/],
    ['=uint8', /NAME=OPTION/],
    ['x=', /none of/],
    ['x=int4', /"int4" is none of/],
    ['x=auto', /none of/],
    ['x=1..', /none of/],
    ['x=scale:0', /none of/],
    ['x=zero-point:1.5', /none of/],
    ['x=uint8,int8', /twice what type of x/],
    ['x=scale:1', /come together/],
    ['x=mse,0..1', /one of range, min and max/],
    ['x=3..1', /min must be below max/],
    ['x=scale:1,zero-point:0,symmetric', /symmetric/],
    ['before=int8', /given twice/],
  ])('%s is refused', (text, message) => {
    expect(() => tensorOverride(text, { before: { type: 'int8' } })).toThrow(message);
  });
});

it('--activation-range takes every rule', () => {
  for (const rule of ['auto', 'max', 'average', 'mse', 'entropy', 'aciq', 'percentile:99.99']) {
    expect(activationRange(rule)).toBe(rule);
  }
  for (const text of ['kl', 'percentile:50', 'percentile:', 'percentile:101']) {
    expect(() => activationRange(text)).toThrow(/average, mse, entropy, aciq/);
  }
});
