import type { Tensor } from '../../onnx/types';
import { integerFormat } from '../../quant/formatGrid';
import { formatText, type BiasScheme, type LayerFormat } from '../../quant/layerFormat';
import { codebookKind, type CodebookKind } from '../../quant/scheme';
import type { WeightChoice } from '../../quant/weightChoice';
import type { CompensatedCodes } from '../../quant/weightGrid';
import { CodebookEncoding, type CodebookSpec } from './codebookEncoding';
import type { EncodedWeight } from './encodedWeight';
import { HalfEncoding } from './halfEncoding';
import { IntegerEncoding, type IntegerSpec } from './integerEncoding';
import { plainSite, type WeightSite } from './weightSite';

/** What statistics decided for one weight, where its format leaves it open. */
export interface EncodingChoice extends Partial<Omit<WeightChoice, 'sqnrDb'>> {
  /**
   * What stands in place of the nearest codes. Scales and tables are those of the same choice without it; `factors` then
   * multiply the scales.
   */
  readonly codes?: CompensatedCodes;
}

const known = new WeakMap<Tensor, Map<string, WeakRef<EncodedWeight>>>();

/**
 * A weight in a format; `float` has none. Nothing is read before the result is asked for its values.
 * One object per tensor, format and choice as long as anything holds it, so that trials fit each weight once and layers that
 * share a weight can tell that they do.
 * @param format its bias option is not looked at.
 * @param choice decides a range rule `auto` below 8 bits and a gain that the format leaves open; without it: `max`, and a gain for
 * k-means.
 * @throws InputError for a format that the model's operator set cannot have.
 */
export function encodeWeight(
  tensor: Tensor,
  site: WeightSite,
  format: LayerFormat,
  choice: EncodingChoice = {},
): EncodedWeight {
  const ofTensor = known.get(tensor) ?? new Map<string, WeakRef<EncodedWeight>>();
  known.set(tensor, ofTensor);
  const key = keyOf(site, format, choice);
  const found = ofTensor.get(key)?.deref();
  if (found) return found;
  const simpler = withoutCodes(format, choice) ?? withoutGain(format, choice);
  const base = simpler && encodeWeight(tensor, site, ...simpler);
  const made = makeEncoding(tensor, site, format, choice, base);
  ofTensor.set(key, new WeakRef(made));
  return made;
}

/** A bias as indices into a table. */
export function encodeBias(
  tensor: Tensor,
  scheme: Exclude<BiasScheme, 'float' | 'int32'>,
  opset: number,
): EncodedWeight {
  return encodeWeight(tensor, plainSite(opset), { scheme, granularity: 'tensor' });
}

/** What gives the grid that compensated codes were chosen from; undefined where there are none. */
function withoutCodes(
  format: LayerFormat,
  { codes, ...choice }: EncodingChoice,
): [LayerFormat, EncodingChoice] | undefined {
  return codes && [format, choice];
}

/** What gives the parameters that a gain corrects; undefined where there is no gain. */
function withoutGain(
  { gain: planned, ...format }: LayerFormat,
  choice: EncodingChoice,
): [LayerFormat, EncodingChoice] | undefined {
  const kind = codebookKind(format.scheme)?.kind;
  const gain = planned ?? choice.gain ?? kind === 'k-means';
  return gain ? [format, { ...choice, gain: false }] : undefined;
}

function makeEncoding(
  tensor: Tensor,
  site: WeightSite,
  format: LayerFormat,
  choice: EncodingChoice,
  base: EncodedWeight | undefined,
): EncodedWeight {
  const { codes } = choice;
  const { scheme, granularity, range = 'auto' } = format;
  const kind = codebookKind(scheme);
  if (kind) {
    const { importance } = choice;
    return new CodebookEncoding(
      tensor,
      site,
      {
        kind,
        granularity,
        gain: gainOf(kind, format.gain, choice.gain),
        ...(importance && { importance }),
        ...(codes && { codes }),
      },
      base instanceof CodebookEncoding ? base : undefined,
    );
  }
  if (scheme === 'fp16') {
    if (codes) throw new Error('numbers of half precision have no codes');
    return new HalfEncoding(tensor);
  }
  const integer = integerFormat(format);
  if (!integer) throw new Error(`${scheme} is not a format of weights`);
  const isCoarse = scheme === 'w4';
  const rule = range === 'auto' ? (isCoarse ? choice.rule : undefined) : range;
  const spec: IntegerSpec = {
    ...integer,
    granularity: granularity ?? 'channel',
    rule: rule ?? 'max',
    gain: format.gain ?? choice.gain ?? false,
    ...(codes && { codes }),
  };
  return new IntegerEncoding(tensor, site, spec, base instanceof IntegerEncoding ? base : undefined);
}

/**
 * What the plan leaves open must not change the size of the file, which is foretold without data. Without data k-means has its
 * gain: its values are means, which shrinks what a weight lets through (lut8: 4 dB at the output of ResNet-18 and of U-Net).
 */
function gainOf(
  kind: CodebookKind,
  planned: boolean | undefined,
  chosen = kind.kind === 'k-means',
): CodebookSpec['gain'] {
  if (kind.kind === 'uniform') return 'none';
  if (planned === undefined) return chosen ? 'where free' : 'none';
  return planned ? 'channels' : 'none';
}

let identities = 0;
const numbered = new WeakMap<object, number>();

function identityOf(value: object): number {
  const number = numbered.get(value) ?? ++identities;
  numbered.set(value, number);
  return number;
}

function keyOf(
  site: WeightSite,
  format: LayerFormat,
  { rule, gain, importance, codes }: EncodingChoice,
): string {
  const { bias: _, ...ofWeight } = format;
  return [
    formatText(ofWeight),
    JSON.stringify(site),
    rule ?? '',
    gain ?? '',
    importance ? identityOf(importance) : '',
    codes ? identityOf(codes) : '',
  ].join(' ');
}
