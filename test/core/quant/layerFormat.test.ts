import { describe, expect, it } from 'vitest';
import { formatText, parseFormat } from '../../../src/core/quant/layerFormat';

describe('parseFormat(text)', () => {
  it.each([
    'w8a8',
    'w4,block:32,asymmetric,mse,gain,bias:u4',
    'w8,kernel,unsigned,reduced,percentile:99.9',
    'w4,channel,signed-extreme,no-gain',
    'w4,narrow',
    'w8a8,tensor,fixed:0.5,forced',
    'lut16,group:4',
    'pow2-15,channel,gain',
    'u8,bias:u1',
    'fp16,region',
  ])('reads %s, and formatText writes it back', (text) => {
    const format = parseFormat(text);
    expect(format).not.toHaveProperty('mistake');
    expect('mistake' in format ? '' : formatText(format)).toBe(text);
  });

  it('takes the options in any order, with spaces', () => {
    expect(parseFormat('w4, mse, block:32')).toEqual({ scheme: 'w4', granularity: 'block:32', range: 'mse' });
  });

  it.each([
    ['w3', /no scheme "w3"/],
    ['w4,wide', /no option "wide"/],
    ['w4,block:8', /16 to 256 elements, not 8/],
    ['w4,block:17.5', /whole number/],
    ['w4,group:4', /w4 cannot be group:4/],
    ['lut16,block:32', /lut16 cannot be block:32/],
    ['lut16,mse', /lut16 has no option mse/],
    ['float,mse', /float has no option mse/],
    ['w8a8,kernel', /w8a8 cannot be kernel/],
    ['w4,percentile:20', /above 50/],
    ['w4,fixed:0', /above 0/],
    ['w4,asymmetric,signed-extreme', /signed-extreme is for symmetric weights/],
    ['w4,narrow,asymmetric', /narrow is for symmetric weights/],
    ['w4,mse,max', /says twice what range is/],
    ['w4,bias:w8', /no option "bias:w8"/],
    ['w4,constructor', /no option "constructor"/],
  ])('refuses %s', (text, mistake) => {
    expect(parseFormat(text)).toEqual({ mistake: expect.stringMatching(mistake) as string });
  });
});
