import { storedBytes } from '../../graph/operandSizes';
import type { Layer, LayerWeight, NodeRef } from '../../graph/types';
import { DataType } from '../../onnx/types';
import { formatOf } from '../../plan/editPlan';
import type { BiasScheme, LayerFormat } from '../../quant/layerFormat';
import { differenceFrom, type WeightError } from '../../quant/weights';
import { ConstantSite } from '../constantSite';
import { OperandPaths } from '../operandPaths';
import { defaultOpset } from '../opset';
import type { RewriteContext } from '../rewriteContext';
import type { RewrittenLayer } from '../rewrite';
import type { EncodedWeight, FittedFacts } from './encodedWeight';
import { encodeBias, encodeWeight } from './encodeWeight';
import { floatsOf, useFloats } from './floatValues';
import { weightSite } from './weightSite';

/** Operators with a bias, as their third input. */
const biased: ReadonlySet<string> = new Set(['Conv', 'ConvTranspose', 'Gemm']);

/** What the bias of a layer became. */
interface EncodedBias {
  readonly scheme: BiasScheme | undefined;
  /** How many bytes it takes less than before. */
  readonly saved: number;
}

/** Writes the weights, and biases where their format says so, of layers that compute in float. */
export class WeightOnlyLayers {
  /** Constants already stored: layers that share one share what stands for it. */
  private readonly stored = new Map<EncodedWeight, string>();
  private readonly opset: number;
  private readonly paths: OperandPaths;
  private irVersion = 0;
  private usesContrib = false;

  constructor(private readonly context: RewriteContext) {
    this.opset = defaultOpset(context.index.model.opsetImport) ?? 0;
    this.paths = new OperandPaths(context.index, context.changes);
  }

  /** IR version that the written weights need; 0 when any will do. */
  get leastIrVersion(): number {
    return this.irVersion;
  }

  /** True when nodes of com.microsoft were added: the model must import it. */
  get needsContrib(): boolean {
    return this.usesContrib;
  }

  /** Weights and bias of one layer. @throws InputError */
  async quantizeLayer(layer: Layer): Promise<RewrittenLayer | undefined> {
    const { ref, name, weights } = layer;
    const { plan, placement, weightChoices, writer, isDryRun } = this.context;
    const format = formatOf(plan, name);
    const encoded = weights.map((weight) => {
      const site = weightSite(ref, weight, this.opset);
      return { weight, encoding: encodeWeight(weight.tensor, site, format, weightChoices.get(name)) };
    });
    const [first] = encoded;
    if (!first) return undefined;
    let facts: FittedFacts = {};
    let bytes = layer.bytes;
    for (const { weight, encoding } of encoded) {
      if (!isDryRun) facts = await encoding.fit();
      for (const note of encoding.notes) placement.notes.add(name, note);
      const stored = this.store(encoding, weight, ref);
      writer.setInput(ref.node, weight.inputIndex, this.paths.behind(ref, weight, stored));
      bytes += encoding.bytes - storedBytes(weight.tensor);
    }
    const bias = await this.quantizeBias(layer, format);
    return {
      name,
      scheme: format.scheme,
      ...first.encoding.words,
      ...facts,
      ...(bias.scheme !== undefined && { bias: bias.scheme }),
      bytesBefore: layer.bytes,
      bytesAfter: bytes - bias.saved,
      measureWeight: (countUnique) => measure(encoded, countUnique),
    };
  }

  private store(
    encoding: EncodedWeight,
    { name, scope }: Pick<LayerWeight, 'name' | 'scope'>,
    reader: NodeRef,
  ): string {
    const known = this.stored.get(encoding);
    if (known !== undefined) return known;
    const { index, changes } = this.context;
    const stored = encoding.store(new ConstantSite(index, changes, scope, name), name, reader);
    this.stored.set(encoding, stored);
    this.irVersion = Math.max(this.irVersion, encoding.irVersion);
    this.usesContrib ||= encoding.needsContrib;
    return stored;
  }

  private async quantizeBias(
    { ref, name, op }: Layer,
    { bias = 'float' }: LayerFormat,
  ): Promise<EncodedBias> {
    const value = biased.has(op) ? (ref.node.input[2] ?? '') : '';
    if (value === '') return { scheme: undefined, saved: 0 };
    const float: EncodedBias = { scheme: 'float', saved: 0 };
    if (bias === 'float') return float;
    const { index, placement, writer, isDryRun } = this.context;
    if (bias === 'int32') {
      placement.notes.add(name, 'The bias stays float: int32 is for layers that compute on integers.');
      return float;
    }
    const constant = index.constant(ref.scope, value);
    if (!constant || constant.overridable || constant.tensor.dataType !== (DataType.FLOAT as number)) {
      placement.notes.add(name, 'The bias is not stored as float32 numbers; it stays as it is.');
      return float;
    }
    const encoding = encodeBias(constant.tensor, bias, this.opset);
    if (!isDryRun) await encoding.fit();
    for (const note of encoding.notes) placement.notes.add(name, note);
    writer.setInput(ref.node, 2, this.store(encoding, { name: value, scope: constant.scope }, ref));
    return { scheme: bias, saved: storedBytes(constant.tensor) - encoding.bytes };
  }
}

/** Over all weights of a layer as if they were one. */
async function measure(
  encoded: readonly { readonly weight: LayerWeight; readonly encoding: EncodedWeight }[],
  countUnique: boolean | undefined,
): Promise<WeightError> {
  const [only, ...others] = encoded;
  if (only && others.length === 0) {
    const back = await only.encoding.values();
    return useFloats(only.weight.tensor, (values) => differenceFrom(values, back, countUnique));
  }
  const before: Float32Array[] = [];
  const after: Float32Array[] = [];
  for (const { weight, encoding } of encoded) {
    before.push(await floatsOf(weight.tensor));
    after.push(await encoding.values());
  }
  return differenceFrom(joined(before), joined(after), countUnique);
}

function joined(parts: readonly Float32Array[]): Float32Array {
  const all = new Float32Array(parts.reduce((length, part) => length + part.length, 0));
  let at = 0;
  for (const part of parts) {
    all.set(part, at);
    at += part.length;
  }
  return all;
}
