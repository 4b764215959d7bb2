import { InputError } from '../../errors';
import type { NodeRef } from '../../graph/types';
import { bytesOf, int64Tensor } from '../../onnx/build';
import { rawByteLength } from '../../onnx/dtype';
import { DataType, type Tensor } from '../../onnx/types';
import { packNibbles } from '../../quant/codebook';
import { sliceGains } from '../../quant/gain';
import { integerType, makeCodes, type Codes } from '../../quant/integerTypes';
import {
  integerCodes,
  integerParams,
  integerValues,
  roundedValues,
  type LocalWeightRule,
  type SliceParams,
} from '../../quant/integerWeight';
import type { Granularity } from '../../quant/layerFormat';
import { elementsOf, sliceCount } from '../../quant/layouts';
import type { IntegerTypeName } from '../../quant/scheme';
import { integerStoredGrid } from '../../quant/storedGrid';
import type { CompensatedCodes, WeightGrid } from '../../quant/weightGrid';
import { collectable } from '../lazyTensor';
import { BLOCK_OPSET, FOUR_BIT_IR_VERSION, qdqDomain } from '../neededOpset';
import { Chain } from './chain';
import { checkCodes, sliceFactors } from './compensated';
import type {
  CodeUse,
  ConstantTarget,
  EncodedWeight,
  FittedFacts,
  WeightLimits,
  WeightWords,
} from './encodedWeight';
import { useFloats } from './floatValues';
import { integerView, type IntegerView } from './integerView';
import type { WeightSite } from './weightSite';

/** What an integer format says, every option decided. */
export interface IntegerSpec {
  readonly type: IntegerTypeName;
  readonly granularity: Granularity;
  readonly symmetric: boolean;
  readonly reduceRange: boolean;
  readonly rule: LocalWeightRule;
  readonly gain: boolean;
  /** Chosen elsewhere; absent: the nearest. */
  readonly codes?: CompensatedCodes;
}

interface IntegerFit {
  /** What codes are made with. */
  readonly rounding: SliceParams;
  /** What the file holds: the same, or with corrected scales. */
  readonly stored: SliceParams;
}

/**
 * A weight as codes, scales and zero points before a DequantizeLinear, which the runtime computes every time, unless it has a
 * kernel for both (MatMulNBits). A signed symmetric weight has its zero points at 0 and leaves them out.
 */
export class IntegerEncoding implements EncodedWeight {
  readonly words: WeightWords;
  readonly bytes: number;
  readonly notes: readonly string[];
  readonly irVersion: number;
  private readonly domain: ReturnType<typeof qdqDomain>;
  private readonly view: IntegerView;
  readonly scaledAxis: number | undefined;
  private fitted: Promise<IntegerFit> | undefined;

  /**
   * @param base the same without compensated codes, or else without gain, which shares its fit.
   * @throws InputError for blocks below opset 21.
   */
  constructor(
    private readonly tensor: Tensor,
    site: WeightSite,
    private readonly spec: IntegerSpec,
    private readonly base?: IntegerEncoding,
  ) {
    const { type, granularity, rule, gain, codes } = spec;
    this.view = integerView(tensor.dims, site, granularity);
    const { bits, signed } = integerType(type);
    const { blockSize } = this.view;
    this.words = {
      bits,
      signed,
      granularity: this.view.granularity,
      ...(blockSize !== undefined && { blockSize }),
      range: rule,
      gain,
      ...(codes?.rounding && { rounding: codes.rounding }),
    };
    this.scaledAxis = this.view.granularity === 'per-tensor' ? undefined : site.channelAxis;
    this.notes = this.view.note === undefined ? [] : [this.view.note];
    if (blockSize !== undefined && site.opset < BLOCK_OPSET) {
      throw new InputError(`Weights in blocks need opset ${BLOCK_OPSET}, and the model has ${site.opset}.`);
    }
    this.domain = qdqDomain(site.opset, bits, 'axis' in this.view.attributes);
    this.irVersion = bits === 4 && this.domain === '' ? FOUR_BIT_IR_VERSION : 0;
    const slices = sliceCount(this.view.layout);
    this.bytes =
      this.packedBytes(elementsOf(this.view.layout)) +
      4 * slices +
      (this.hasZeroPoints ? this.packedBytes(slices) : 0) +
      (this.isReshaped ? 8 * tensor.dims.length : 0);
  }

  get needsContrib(): boolean {
    return this.domain !== '';
  }

  private get hasZeroPoints(): boolean {
    return !(this.spec.symmetric && this.words.signed);
  }

  private get isReshaped(): boolean {
    return this.view.dims.length !== this.tensor.dims.length;
  }

  private packedBytes(count: number): number {
    return rawByteLength(integerType(this.spec.type).dataType, count) ?? 0;
  }

  async fit(): Promise<FittedFacts> {
    await this.params();
    return {};
  }

  private params(): Promise<IntegerFit> {
    this.fitted ??= this.chooseParams();
    return this.fitted;
  }

  private async chooseParams(): Promise<IntegerFit> {
    const known = await this.base?.params();
    const { codes } = this.spec;
    if (known && codes) return this.compensated(known, codes);
    return useFloats(this.tensor, (values) => this.fitTo(values, known?.rounding));
  }

  /** The parameters of the same weight with the nearest codes, for codes that were chosen from its grid. */
  private compensated({ rounding, stored }: IntegerFit, compensated: CompensatedCodes): IntegerFit {
    const { layout } = this.view;
    const { min, max } = integerType(this.spec.type);
    checkCodes(compensated, elementsOf(layout), min, max);
    const factors = sliceFactors(compensated, this.tensor.dims, this.scaledAxis, layout);
    if (!factors) return { rounding, stored };
    const scales = stored.scales.map((scale, slice) => scale * (factors[slice] ?? 1));
    return { rounding, stored: { ...stored, scales } };
  }

  private fitTo(values: Float32Array, known: SliceParams | undefined): IntegerFit {
    const { type, symmetric, reduceRange, rule, gain } = this.spec;
    const { layout } = this.view;
    const rounding = known ?? integerParams(values, layout, type, { symmetric, reduceRange, rule });
    if (!gain) return { rounding, stored: rounding };
    const back = roundedValues(values, layout, rounding, type);
    const gains = sliceGains(values, back, layout);
    return {
      rounding,
      stored: { ...rounding, scales: rounding.scales.map((scale, i) => scale * (gains[i] ?? 1)) },
    };
  }

  private async codes(): Promise<Codes> {
    const { rounding } = await this.params();
    const { type, codes } = this.spec;
    if (codes) {
      const given = makeCodes(type, codes.codes.length);
      given.set(codes.codes);
      return given;
    }
    return useFloats(this.tensor, (values) => integerCodes(values, this.view.layout, rounding, type));
  }

  async values(): Promise<Float32Array> {
    const { rounding, stored } = await this.params();
    const { codes } = this.spec;
    if (codes) return integerValues(codes.codes, this.view.layout, stored);
    return useFloats(this.tensor, (values) =>
      roundedValues(values, this.view.layout, rounding, this.spec.type, stored),
    );
  }

  async codeUse(): Promise<CodeUse> {
    const { min, max } = integerType(this.spec.type);
    const counts = new Float64Array(max - min + 1);
    for (const code of await this.codes()) counts[code - min] = (counts[code - min] ?? 0) + 1;
    return { possible: counts.length, first: min, counts };
  }

  async grid(): Promise<WeightGrid> {
    const { type, reduceRange } = this.spec;
    return integerStoredGrid(this.view.layout, (await this.params()).stored, type, reduceRange);
  }

  async limits(): Promise<WeightLimits> {
    const { scales, zeroPoints } = (await this.params()).stored;
    const codes = integerType(this.spec.type);
    const end = (code: number) => (scale: number, slice: number) => (code - (zeroPoints[slice] ?? 0)) * scale;
    const [first, last] = [scales.map(end(codes.min)), scales.map(end(codes.max))];
    // A negative scale mirrors the codes.
    return {
      layout: this.view.layout,
      min: first.map((value, slice) => Math.min(value, last[slice] ?? value)),
      max: first.map((value, slice) => Math.max(value, last[slice] ?? value)),
    };
  }

  store(target: ConstantTarget, value: string, reader: NodeRef): string {
    const { dims, paramDims, attributes, layout } = this.view;
    const { dataType } = integerType(this.spec.type);
    const slices = sliceCount(layout);
    const chain = new Chain(target, value, reader);
    const codes = collectable(async () => this.pack(await this.codes()));
    const scales = async () => bytesOf((await this.params()).stored.scales);
    const zeroPoints = async () => this.pack((await this.params()).stored.zeroPoints);
    const input = [
      chain.computed('quantized', dataType, dims, this.packedBytes(elementsOf(layout)), codes),
      chain.computed('scale', DataType.FLOAT, paramDims, 4 * slices, scales),
    ];
    if (this.hasZeroPoints) {
      input.push(chain.computed('zero_point', dataType, paramDims, this.packedBytes(slices), zeroPoints));
    }
    const real = chain.node('DequantizeLinear', input, attributes, this.domain);
    if (!this.isReshaped) return real;
    const shape = chain.constant('shape', (name) => int64Tensor(name, this.tensor.dims));
    return chain.node('Reshape', [real, shape]);
  }

  /** Codes or zero points as raw_data holds them. */
  private pack(codes: Codes | Int32Array): Uint8Array {
    const bytes = codes instanceof Int32Array ? Uint8Array.from(codes) : bytesOf(codes);
    return this.words.bits === 4 ? packNibbles(bytes) : bytes;
  }
}
