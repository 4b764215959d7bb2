/** Models that have Q/DQ pairs already: those stay, and the float layers between them are quantized. */
import { describe, expect, it } from 'vitest';
import { MemorySink, MemorySource } from '../../../src/core/onnx/memory';
import { readModel } from '../../../src/core/onnx/read';
import { floatTensor } from '../../../src/core/onnx/build';
import type { Model, Node } from '../../../src/core/onnx/types';
import { writeModel } from '../../../src/core/onnx/write';
import { defaultPlan } from '../../../src/core/plan/planFile';
import { activationsToCalibrate, prepareFloat } from '../../../src/core/rewrite/prepare';
import { opTypes, optimizedOpTypes, planWith, quantize, run, sqnr } from '../../support/rewriting';
import { conv, image, model, node, samples, weights } from './models';

/** stem → relu → middle → relu → last, and a side layer on what `middle` reads. */
const float = model(
  [
    conv('stem', ['x', 'w0', 'b0'], 'stem_out'),
    node('Relu', 'stem_relu', ['stem_out'], ['a']),
    conv('middle', ['a', 'w1', 'b1'], 'middle_out'),
    node('Relu', 'middle_relu', ['middle_out'], ['b']),
    conv('last', ['b', 'w2'], 'last_out'),
    conv('side', ['a', 'w3'], 'side_out'),
    node('Add', 'add', ['last_out', 'side_out'], ['y']),
  ],
  [
    weights('w0', [4, 3, 3, 3], 1),
    floatTensor('b0', [0.1, -0.2, 0.3, -0.4]),
    weights('w1', [4, 4, 3, 3], 2),
    floatTensor('b1', [0.4, 0.3, -0.2, 0.1]),
    weights('w2', [4, 4, 3, 3], 3),
    weights('w3', [4, 4, 3, 3], 4),
  ],
  image,
);
const names = ['stem', 'middle', 'last', 'side'];

/** A file as another program would find it, with some layers quantized. */
async function quantizedFile(quantized: readonly string[]): Promise<Model> {
  const rest = [...names.filter((name) => !quantized.includes(name)), 'add'];
  const plan = planWith(Object.fromEntries(rest.map((name) => [name, 'float'])));
  const sink = new MemorySink();
  await writeModel((await quantize(float, plan, samples(image))).model, sink);
  return readModel(new MemorySource(sink.bytes()));
}

const quantizations = ({ graph }: Model): Node[] =>
  (graph?.node ?? []).filter(
    ({ opType }) => opType.endsWith('QuantizeLinear') || opType === 'DequantizeLinear',
  );

/** Values that more than one QuantizeLinear reads, and outputs of DequantizeLinear that one reads. */
function doubled(written: Model): string[] {
  const quantized = quantizations(written).filter(({ opType }) => opType === 'QuantizeLinear');
  const given = new Set(
    quantizations(written).flatMap(({ opType, output }) => (opType === 'DequantizeLinear' ? output : [])),
  );
  const sources = quantized.map(({ input }) => input[0] ?? '');
  return sources.filter((value, at) => given.has(value) || sources.indexOf(value) !== at);
}

describe('a partly quantized model', () => {
  it.each([[['middle']], [['stem']], [['last', 'side']], [['stem', 'last']]])(
    '%j first, then the others',
    async (first) => {
      const file = await quantizedFile(first);
      const { model: written, notes, layers } = await quantize(file, defaultPlan, samples(image));
      expect(layers.map(({ name, scheme }) => [name, scheme])).toEqual(
        names.map((name) => [name, first.includes(name) ? 'float' : 'w8a8']),
      );
      expect(notes).toEqual([
        `${first.join(', ')}: Stays as it is. Its weight is already quantized (stored as int8).`,
      ]);
      expect(doubled(written)).toEqual([]);
      for (const old of quantizations(file)) {
        const [kept] = written.graph?.node.filter(({ name }) => name === old.name) ?? [];
        // What nothing reads any more goes.
        if (!kept) expect(written.graph?.node.flatMap(({ input }) => input)).not.toContain(old.output[0]);
        else expect(kept).toEqual(old);
      }
      for (const sample of samples(image, 3)) {
        const { y: before = [] } = await run(float, sample, 'none');
        expect(sqnr(before, (await run(written, sample))['y'] ?? [])).toBeGreaterThan(28);
      }
      expect((await optimizedOpTypes(written)).filter((op) => op === 'Conv')).toEqual([]);
    },
  );

  it('calibrates no integer tensor and none that has a scale', async () => {
    const file = await quantizedFile(['middle']);
    const prepared = await prepareFloat(file, defaultPlan);
    const values = activationsToCalibrate(prepared, defaultPlan, { trials: true });
    const integers = quantizations(file).flatMap(({ opType, output }) =>
      opType === 'QuantizeLinear' ? output : [],
    );
    expect(values.filter((value) => integers.includes(value))).toEqual([]);
  });

  it('is left as it is when all of it is quantized', async () => {
    const file = await quantizedFile(names);
    const { model: same } = await quantize(file, defaultPlan, samples(image));
    expect(same).toBe(file);
    expect(opTypes(same).filter((op) => op === 'QuantizeLinear').length).toBeGreaterThan(3);
  });
});
