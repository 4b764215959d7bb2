import { describe, expect, it } from 'vitest';
import { InputError } from '../../../src/core/errors';
import { matchPlan, needsData, onlyLayer, schemeOf, setScheme } from '../../../src/core/plan/editPlan';
import { defaultPlan, parsePlan, planPathFor, serializePlan } from '../../../src/core/plan/planFile';
import { recoveringAlone, withRecover } from '../../../src/core/plan/recover';
import { parseScheme } from '../../../src/core/quant/scheme';

describe('parsePlan(text, file)', () => {
  it('fills what the file leaves out', () => {
    expect(parsePlan('{"version": 1}', 'm.quant.json')).toEqual(defaultPlan);
  });

  it('gives back what serializePlan wrote', () => {
    const plan = {
      ...setScheme(defaultPlan, ['/conv1/Conv', 'a "quoted" name'], 'float', {
        '/conv1/Conv': 'sha256:0123456789abcdef',
      }),
      activationRange: 'percentile:99.99',
      calibration: { data: 'calibration.npz', samples: 64, seed: 7 },
    } as const;
    expect(parsePlan(serializePlan(plan), 'm.quant.json')).toEqual(plan);
  });

  it('accepts the $schema key that editors add', () => {
    expect(parsePlan('{"$schema": "./plan.schema.json", "version": 1}', 'm.quant.json')).toEqual(defaultPlan);
  });

  it('says that broken JSON is not JSON and names the file', () => {
    expect(() => parsePlan('{"version": 1', 'm.quant.json')).toThrow(/m\.quant\.json is not valid JSON/);
    expect(() => parsePlan('\b\n\x12pytorch', 'm.onnx')).toThrow(
      /^m\.onnx is not valid JSON \([^\n"]*\), so it is no plan\. Correct it, or name or begin another one\.$/,
    );
  });

  it('names every mistake, not only the first', () => {
    const text = '{"version": 2, "layers": {"conv": {"scheme": "w3"}}, "colour": 1}';
    expect(() => parsePlan(text, 'm.quant.json')).toThrow(/version must be 1/);
    expect(() => parsePlan(text, 'm.quant.json')).toThrow(
      /layers\/conv\/scheme must be w8a8, w8a16, w8, w4, fp16, u1 to u8, lut2 to lut256, .*pow2-15 or float, or auto/,
    );
    expect(() => parsePlan(text, 'm.quant.json')).toThrow(/unknown key "colour"/);
  });

  it.each([
    'w8',
    'u1',
    'u8',
    'lut2',
    'lut9',
    'lut10',
    'lut99',
    'lut199',
    'lut249',
    'lut256',
    'pow2-2',
    'pow2-15',
  ])('accepts the scheme %s, as the command line does', (scheme) => {
    expect(parseScheme(scheme)).toBe(scheme);
    const text = JSON.stringify({ version: 1, defaultScheme: scheme, layers: { a: { scheme } } });
    expect(parsePlan(text, 'p')).toMatchObject({ defaultScheme: scheme, layers: { a: { scheme } } });
  });

  it.each(['auto', 'u0', 'u9', 'lut1', 'lut02', 'lut257', 'lut300', 'pow2-1', 'pow2-6', 'pow2-16', 'xlut16'])(
    'refuses the default scheme %s, as the command line does',
    (defaultScheme) => {
      expect(parseScheme(defaultScheme)).toBeUndefined();
      expect(() => parsePlan(JSON.stringify({ version: 1, defaultScheme }), 'p')).toThrow(
        /defaultScheme must be w8a8, w8a16, w8, w4, fp16, u1 to u8/,
      );
    },
  );

  it.each(['percentile:101', 'percentile:', 'mode'])('refuses the range rule %s', (rule) => {
    expect(() => parsePlan(JSON.stringify({ version: 1, activationRange: rule }), 'p')).toThrow(
      /activationRange/,
    );
  });
});

describe('what parsePlan says', () => {
  const layer = { scheme: 'w4' };
  it.each([
    [{ layers: [] }, 'layers must be an object.'],
    [{ layers: { a: 5 } }, 'layers/a must be an object.'],
    [{ layers: { a: { scheme: 4 } } }, 'layers/a/scheme must be a text.'],
    [{ tensors: { x: { min: 'low', max: 0 } } }, 'tensors/x/min must be a number.'],
    [
      { layers: { a: { ...layer, granularity: 'group:0' } } },
      'layers/a/granularity must be tensor, channel, kernel, block:N or group:N.',
    ],
    [
      { layers: { a: { ...layer, bias: 'lut1' } } },
      'layers/a/bias must be float, int32, u1 to u8 or lut2 to lut256.',
    ],
    [
      { layers: { a: { ...layer, range: 'wide' } } },
      'layers/a/range must be auto, max, narrow, signed, mse, percentile:P or fixed:A.',
    ],
    [
      { tensors: { 'a/range': { range: 'auto' } } },
      'tensors/a/range/range must be max, average, mse, entropy, aciq or percentile:P with P above 50 and up to 100.',
    ],
    [{ activationRange: 'percentile:50' }, 'activationRange: A percentile must be above 50 and at most 100.'],
    [
      { tensors: { x: { range: 'percentile:50' } } },
      'tensors/x: A percentile must be above 50 and at most 100.',
    ],
    [
      { tensors: { x: { min: 0, max: 1e40 } } },
      'tensors/x: min, max and scale must be float32 numbers: none goes beyond 3.4e38.',
    ],
    [{ tensors: { x: { scale: 1e-60, zeroPoint: 0 } } }, 'tensors/x: scale must be at least 1.18e-38.'],
    [
      { layers: { a: { ...layer, range: 'fixed:1e300' } } },
      'layers/a: A fixed range must be above 0 and fit float32 (up to 3.4e38), not 1e300.',
    ],
    [
      { recover: { steps: ['gptq', 'bias', 'inq'] } },
      'recover: gptq and inq both choose the codes of weights: give one of them.',
    ],
    [
      { recover: { steps: ['adaround'] } },
      'recover/steps/0 must be one of equalize, gptq, inq, descent, refit, bias.',
    ],
    [
      { recover: { steps: ['equalize', 'gptq'], sequential: false } },
      'recover: equalize changes layers together, so that none can be recovered on its own: leave it out.',
    ],
    [{ recover: { steps: ['bias'], sequential: 'no' } }, 'recover/sequential must be true or false.'],
    [{ recover: { steps: ['bias', 'bias'] } }, 'recover/steps must name each step once.'],
    [{ recover: { steps: [] } }, 'recover/steps must name at least one step.'],
    [{ recover: {} }, "recover must have required property 'steps'."],
    [{ recover: { steps: ['bias'], layers: [] } }, 'recover has an unknown key "layers".'],
  ])('of %j is one plain sentence', (given, sentence) => {
    const text = JSON.stringify({ version: 1, ...given });
    expect(() => parsePlan(text, 'm.quant.json')).toThrow(
      new InputError(`m.quant.json is not a valid quantization plan: ${sentence}`),
    );
  });
});

describe('schemeOf(plan, name, isLayer)', () => {
  it('takes the entry, else the default for layers, else auto', () => {
    const plan = setScheme(defaultPlan, ['a'], 'float');
    expect(schemeOf(plan, 'a', true)).toBe('float');
    expect(schemeOf(plan, 'b', true)).toBe('w8a8');
    expect(schemeOf(plan, 'add', false)).toBe('auto');
  });

  it('lets a layer that says auto follow the default', () => {
    const plan = setScheme({ ...defaultPlan, defaultScheme: 'w8' }, ['a'], 'auto');
    expect(schemeOf(plan, 'a', true)).toBe('w8');
    expect(schemeOf(plan, 'a', false)).toBe('auto');
  });

  it('does not take an inherited property for an entry', () => {
    expect(schemeOf(defaultPlan, 'constructor', true)).toBe('w8a8');
  });
});

describe('setScheme and onlyLayer', () => {
  it('leave the given plan as it was', () => {
    setScheme(defaultPlan, ['a'], 'float');
    onlyLayer(defaultPlan, 'a', { scheme: 'w8a8' });
    expect(defaultPlan.layers).toEqual({});
  });

  it('keep a node called __proto__ as an ordinary entry', () => {
    const plan = setScheme(defaultPlan, ['__proto__'], 'float');
    expect(schemeOf(plan, '__proto__', true)).toBe('float');
  });

  it('onlyLayer keeps all other layers float', () => {
    const plan = onlyLayer(setScheme(defaultPlan, ['a', 'b'], 'w8a8'), 'a', { scheme: 'w8a8' });
    expect(schemeOf(plan, 'a', true)).toBe('w8a8');
    expect(schemeOf(plan, 'b', true)).toBe('float');
  });
});

describe('matchPlan(plan, nodeNames, hashes)', () => {
  it('lists entries whose weight changed and entries without a node', () => {
    const old = 'sha256:0000000000000000';
    const plan = setScheme(defaultPlan, ['same', 'changed', 'gone'], 'float', {
      same: old,
      changed: old,
      gone: old,
    });
    const hashes = { same: old, changed: 'sha256:1111111111111111' };
    expect(matchPlan(plan, ['same', 'changed', 'new'], hashes)).toEqual({
      changed: ['changed'],
      missing: ['gone'],
    });
  });
});

describe('planPathFor(modelPath)', () => {
  it('replaces the extension only', () => {
    expect(planPathFor('dir/model.onnx')).toBe('dir/model.quant.json');
    expect(planPathFor('dir.onnx/model')).toBe('dir.onnx/model.quant.json');
  });
});

describe('recover', () => {
  it('comes in the order in which it is done', () => {
    const text = '{"version": 1, "recover": {"steps": ["bias", "refit", "gptq", "equalize"]}}';
    const plan = parsePlan(text, 'm.quant.json');
    expect(plan).toEqual(withRecover(defaultPlan, ['refit', 'bias', 'equalize', 'gptq']));
    expect(plan.recover).toEqual({ steps: ['equalize', 'gptq', 'refit', 'bias'] });
    expect(parsePlan(serializePlan(plan), 'm.quant.json')).toEqual(plan);
  });

  it('takes each layer on its own only when it says so', () => {
    const text = '{"version": 1, "recover": {"steps": ["bias", "gptq"], "sequential": false}}';
    const plan = parsePlan(text, 'm.quant.json');
    expect(plan.recover).toEqual({ steps: ['gptq', 'bias'], sequential: false });
    expect(parsePlan(serializePlan(plan), 'm.quant.json')).toEqual(plan);
    expect(parsePlan(text.replace('false', 'true'), 'm.quant.json').recover).toEqual({
      steps: ['gptq', 'bias'],
    });
    expect(recoveringAlone(withRecover(defaultPlan, ['bias', 'gptq']))).toEqual(plan);
    expect(recoveringAlone(defaultPlan)).toEqual(defaultPlan);
    expect(() => recoveringAlone(withRecover(defaultPlan, ['equalize']))).toThrow(InputError);
  });

  it('is gone without steps', () => {
    expect(withRecover(withRecover(defaultPlan, ['bias']), [])).toEqual(defaultPlan);
  });

  it('does not take gptq and inq together', () => {
    expect(() => withRecover(defaultPlan, ['inq', 'gptq'])).toThrow('give one of them');
  });

  it('needs data as soon as a layer is quantized', () => {
    const plan = withRecover({ ...defaultPlan, defaultScheme: 'w4' }, ['gptq']);
    const layers = [{ name: 'a', quantizable: true }];
    expect(needsData({ ...defaultPlan, defaultScheme: 'w4' }, layers)).toBe(false);
    expect(needsData(plan, layers)).toBe(true);
    expect(needsData({ ...plan, tensors: { x: { min: 0, max: 1 } } }, layers)).toBe(true);
    expect(needsData(setScheme(plan, ['a'], 'float'), layers)).toBe(false);
  });
});
