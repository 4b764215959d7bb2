import { InputError } from '../../core/errors';
import type { RuntimeTensor, RuntimeType, Sample } from '../../core/ports';
import { describeSpec, type DataSet, type InputSpec } from './dataSet';
import { numericArray } from './numericArray';
import { SeededRandom } from './seededRandom';

/** The word by which random inputs are asked for; they are never used without it. */
export const RANDOM = 'random';

/** Enough for a range and a rough error; their number proves nothing about real inputs anyway. */
const RANDOM_SAMPLES = 64;

/**
 * Made-up inputs, for a first look at a model without data: floats are standard normal, bytes span their range, wider
 * integers and booleans are 0 or 1 (valid for masks and for every vocabulary).
 * @throws InputError when a dimension other than the first is unknown, or an input takes strings.
 */
export function randomDataSet(specs: readonly InputSpec[], seed: number): DataSet {
  const shapes = specs.map((spec) => ({ spec, dims: sampleShape(spec) }));
  return {
    data: RANDOM,
    kind: 'random',
    length: RANDOM_SAMPLES,
    labels: null,
    sample: async (index): Promise<Sample> => {
      // Each sample has its own sequence, so that reading in another order gives the same samples.
      const random = new SeededRandom(Math.imul(seed, 0x9e3779b1) + index * 7919);
      return {
        index,
        feeds: Object.fromEntries(
          shapes.map(({ spec, dims }): [string, RuntimeTensor] => {
            const values = new Float64Array(dims.reduce((product, size) => product * size, 1));
            const draw = sampler(spec.type, random);
            return [
              spec.name,
              {
                type: spec.type,
                dims,
                data: numericArray(
                  spec.type,
                  values.map(() => draw()),
                ),
              },
            ];
          }),
        ),
      };
    },
  };
}

function sampler(type: RuntimeType, random: SeededRandom): () => number {
  switch (type) {
    case 'float32':
    case 'float64':
    case 'float16':
      return () => random.normal();
    case 'uint8':
      return () => random.integer(256);
    case 'int8':
      return () => random.integer(256) - 128;
    default:
      return () => random.integer(2);
  }
}

function sampleShape(spec: InputSpec): number[] {
  if (spec.type === 'string')
    throw new InputError(`Input ${spec.name} takes strings: random data cannot be made.`);
  if (!spec.shape) {
    throw new InputError(
      `The shape of input ${spec.name} is unknown: random data cannot be made. Give real data.`,
    );
  }
  return spec.shape.map((size, axis) => {
    if (typeof size === 'number') return size;
    if (axis === 0) return 1;
    throw new InputError(
      `Input ${spec.name} is ${describeSpec(spec)}: for random data give the size of ` +
        `${size ?? `dimension ${axis}`}, as in --dim ${size ?? `${spec.name}.${axis}`}=N.`,
    );
  });
}
