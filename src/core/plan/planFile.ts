import { Ajv, type ErrorObject } from 'ajv';
import schema from '../../../schemas/plan.schema.json';
import { InputError } from '../errors';
import { formatMistake, optionsIn } from '../quant/layerFormat';
import { schemeForms } from '../quant/scheme';
import { PLAN_VERSION, type Plan, type TensorOverride } from './types';

/** What holds where a plan file is silent; the plan of a model that has none. */
export const defaultPlan: Plan = {
  version: PLAN_VERSION,
  defaultScheme: 'w8a8',
  activationType: 'uint8',
  activationRange: 'auto',
  layers: {},
};

const validate = new Ajv({ allErrors: true, strictSchema: false }).compile<Partial<Plan>>(schema);

/**
 * Reads a plan file. The whole file is checked, so that every mistake is named at once.
 * @param file what messages call it.
 * @throws InputError when it is not JSON or does not follow schemas/plan.schema.json.
 */
export function parsePlan(text: string, file: string): Plan {
  let json: unknown;
  try {
    json = JSON.parse(text);
  } catch (error) {
    throw new InputError(
      `${file} is not valid JSON (${(error as Error).message}). Correct it or delete it to start with a new plan.`,
    );
  }
  if (!validate(json)) {
    const mistakes = [...new Set((validate.errors ?? []).map(describe))].join('; ');
    throw new InputError(`${file} is not a valid quantization plan: ${mistakes}.`);
  }
  const { $schema: _, ...given } = json as Partial<Plan> & { $schema?: string };
  const plan: Plan = { ...defaultPlan, ...given };
  const mistakes = optionMistakes(plan);
  if (mistakes.length > 0) {
    throw new InputError(`${file} is not a valid quantization plan: ${mistakes.join(' ')}`);
  }
  return plan;
}

/** What the schema cannot tell: options that a scheme does not have, ranges given twice or the wrong way round. */
function optionMistakes({ defaultScheme, defaultOptions, layers, tensors }: Plan): string[] {
  const formats = Object.entries(layers).flatMap(([name, entry]) =>
    entry.scheme === 'auto'
      ? []
      : [[`layers/${name}`, { ...optionsIn(entry), scheme: entry.scheme }] as const],
  );
  const all = [['defaultOptions', { ...defaultOptions, scheme: defaultScheme }] as const, ...formats];
  return [
    ...all.flatMap(([place, format]) => {
      const mistake = formatMistake(format);
      return mistake === undefined ? [] : [`${place}: ${mistake}`];
    }),
    ...Object.entries(tensors ?? {}).flatMap(([name, override]) => {
      const mistake = overrideMistake(override);
      return mistake === undefined ? [] : [`tensors/${name}: ${mistake}`];
    }),
  ];
}

/** What is wrong with the format of a tensor, in one sentence; undefined when nothing is. */
export function overrideMistake(override: TensorOverride): string | undefined {
  const { range, min, max, scale, zeroPoint, symmetric } = override;
  const ways = [range, min, scale].filter((way) => way !== undefined).length;
  if (ways > 1) return 'Give one of range, min and max, or scale and zeroPoint.';
  if ((scale === undefined) !== (zeroPoint === undefined)) return 'A scale and a zero point come together.';
  if (min !== undefined && max !== undefined && min >= max) return 'min must be below max.';
  if (scale !== undefined && symmetric !== undefined) return 'scale and zeroPoint leave symmetric no say.';
  return undefined;
}

function describe({ instancePath, keyword, message, params }: ErrorObject): string {
  const place =
    instancePath === '' ? 'the plan' : instancePath.slice(1).replaceAll('~1', '/').replaceAll('~0', '~');
  if (keyword === 'additionalProperties')
    return `${place} has an unknown key "${String(params['additionalProperty'])}"`;
  if (keyword === 'enum')
    return `${place} must be one of ${(params['allowedValues'] as unknown[]).join(', ')}`;
  // The pattern of a scheme is for machines.
  if (keyword === 'pattern' && /(^|\/)(defaultScheme|scheme)$/.test(instancePath))
    return `${place} must be ${schemeForms}${instancePath.endsWith('/scheme') ? ', or auto' : ''}`;
  if (keyword === 'const') return `${place} must be ${String(params['allowedValue'])}`;
  return `${place} ${message ?? 'is wrong'}`;
}

/** The text of a plan file: two-space JSON with a final newline, entries in the order they were made. */
export function serializePlan(plan: Plan): string {
  return `${JSON.stringify(plan, undefined, 2)}\n`;
}

/** `dir/model.onnx` → `dir/model.quant.json`. */
export function planPathFor(modelPath: string): string {
  return `${modelPath.replace(/\.onnx$/i, '')}.quant.json`;
}
