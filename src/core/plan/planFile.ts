import { Ajv, type ErrorObject, type ValidateFunction } from 'ajv';
import schema from '../../../schemas/plan.schema.json';
import { InputError } from '../errors';
import { formatMistake, optionsIn } from '../quant/layerFormat';
import { schemeForms, type ActivationRangeRule } from '../quant/scheme';
import { recoverMistake, withRecover } from './recover';
import { PLAN_VERSION, type Plan, type TensorOverride } from './types';

/** What holds where a plan file is silent; the plan of a model that has none. */
export const defaultPlan: Plan = {
  version: PLAN_VERSION,
  defaultScheme: 'w8a8',
  activationType: 'uint8',
  activationRange: 'auto',
  layers: {},
};

let compiled: ValidateFunction<Partial<Plan>> | undefined;

/** Compiled on first use: it takes a quarter of the time in which a process starts, and most read no plan. */
function planValidator(): ValidateFunction<Partial<Plan>> {
  return (compiled ??= new Ajv({ allErrors: true, strictSchema: false }).compile<Partial<Plan>>(schema));
}

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
    // The parser goes on to quote the text, which may be no text at all; and a file named by mistake must not be deleted.
    const [why = ''] = (error as Error).message.split(', "', 1);
    throw new InputError(
      `${file} is not valid JSON (${why}), so it is no plan. Correct it, or name or begin another one.`,
    );
  }
  const validate = planValidator();
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
  return plan.recover ? withRecover(plan, plan.recover.steps, plan.recover) : plan;
}

/** What the schema cannot tell: options that a scheme does not have, ranges given twice or the wrong way round. */
function optionMistakes({
  defaultScheme,
  defaultOptions,
  activationRange,
  layers,
  tensors,
  recover,
}: Plan): string[] {
  const formats = Object.entries(layers).flatMap(([name, entry]) =>
    entry.scheme === 'auto'
      ? []
      : [[`layers/${name}`, { ...optionsIn(entry), scheme: entry.scheme }] as const],
  );
  const excluded = recover && recoverMistake(recover.steps, recover);
  const all = [['defaultOptions', { ...defaultOptions, scheme: defaultScheme }] as const, ...formats];
  return [
    ...all.flatMap(([place, format]) => {
      const mistake = formatMistake(format);
      return mistake === undefined ? [] : [`${place}: ${mistake}`];
    }),
    ...(excluded === undefined ? [] : [`recover: ${excluded}`]),
    ...(isLowPercentile(activationRange) ? [`activationRange: ${percentileMistake}`] : []),
    ...Object.entries(tensors ?? {}).flatMap(([name, override]) => {
      const mistake = overrideMistake(override);
      return mistake === undefined ? [] : [`tensors/${name}: ${mistake}`];
    }),
  ];
}

/** Below the median a percentile would cut off most of a tensor. */
function isLowPercentile(rule: ActivationRangeRule | undefined): boolean {
  return (rule?.startsWith('percentile:') ?? false) && !(Number(rule?.split(':')[1]) > 50);
}

const percentileMistake = 'A percentile must be above 50 and at most 100.';

/** The least float32 number of full precision: below it, a step is no longer what the plan says, or zero. */
const LEAST_SCALE = 2 ** -126;

/** What is wrong with the format of a tensor, in one sentence; undefined when nothing is. */
export function overrideMistake(override: TensorOverride): string | undefined {
  const { range, min, max, scale, zeroPoint, symmetric } = override;
  const ways = [range, min, scale].filter((way) => way !== undefined).length;
  if (ways > 1) return 'Give one of range, min and max, or scale and zeroPoint.';
  if ((scale === undefined) !== (zeroPoint === undefined)) return 'A scale and a zero point come together.';
  if (min !== undefined && max !== undefined && min >= max) return 'min must be below max.';
  if (isLowPercentile(range)) return percentileMistake;
  const isTooLarge = [min, max, scale].some((value) => !Number.isFinite(Math.fround(value ?? 0)));
  if (isTooLarge) return 'min, max and scale must be float32 numbers: none goes beyond 3.4e38.';
  if (scale !== undefined && scale < LEAST_SCALE)
    return `scale must be at least ${LEAST_SCALE.toPrecision(3)}.`;
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
  // Patterns are for machines.
  if (keyword === 'pattern') return `${place} must be ${textForms(instancePath)}`;
  if (keyword === 'type')
    return `${place} must be ${nouns[String(params['type'])] ?? String(params['type'])}`;
  if (keyword === 'minItems') return `${place} must name at least one step`;
  if (keyword === 'uniqueItems') return `${place} must name each step once`;
  if (keyword === 'const') return `${place} must be ${String(params['allowedValue'])}`;
  return `${place} ${message ?? 'is wrong'}`;
}

/** Types of JSON in words. */
const nouns: Readonly<Record<string, string>> = {
  object: 'an object',
  string: 'a text',
  number: 'a number',
  integer: 'a whole number',
  boolean: 'true or false',
};

/** What a text with a pattern may be. */
function textForms(path: string): string {
  switch (path.slice(path.lastIndexOf('/') + 1)) {
    case 'defaultScheme':
      return schemeForms;
    case 'scheme':
      return `${schemeForms}, or auto`;
    case 'granularity':
      return 'tensor, channel, kernel, block:N or group:N';
    case 'bias':
      return 'float, int32, u1 to u8 or lut2 to lut256';
    case 'activationRange':
      return `auto, ${activationRules}`;
    case 'range':
      return path.startsWith('/tensors/')
        ? activationRules
        : 'auto, max, narrow, signed, mse, percentile:P or fixed:A';
    case 'weightHash':
      return 'sha256: and 16 hexadecimal digits';
    default:
      return 'another text';
  }
}

const activationRules = 'max, average, mse, entropy, aciq or percentile:P with P above 50 and up to 100';

/** The text of a plan file: two-space JSON with a final newline, entries in the order they were made. */
export function serializePlan(plan: Plan): string {
  return `${JSON.stringify(plan, undefined, 2)}\n`;
}

/** `dir/model.onnx` → `dir/model.quant.json`. */
export function planPathFor(modelPath: string): string {
  return `${modelPath.replace(/\.onnx$/i, '')}.quant.json`;
}
