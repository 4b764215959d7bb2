import type { NodeRef } from '../../graph/types';
import { DataType, type Tensor } from '../../onnx/types';
import { tensorLayout } from '../../quant/layouts';
import { halfWeight, LARGEST_HALF, type HalfWeight } from '../convert/halfWeight';
import { Chain } from './chain';
import type { ConstantTarget, EncodedWeight, FittedFacts, WeightLimits, WeightWords } from './encodedWeight';

/** A weight in half precision before a Cast, which the runtime computes once, when it loads the model. */
export class HalfEncoding implements EncodedWeight {
  readonly words: WeightWords = { bits: 16, signed: true, granularity: 'per-tensor' };
  readonly notes: readonly string[] = [];
  readonly irVersion = 0;
  readonly needsContrib = false;
  readonly scaledAxis = undefined;
  private readonly half: HalfWeight;

  constructor(private readonly tensor: Tensor) {
    this.half = halfWeight(tensor);
  }

  get bytes(): number {
    return this.half.bytes;
  }

  async fit(): Promise<FittedFacts> {
    return {};
  }

  values(): Promise<Float32Array> {
    return this.half.values();
  }

  async codeUse(): Promise<undefined> {
    return undefined;
  }

  async grid(): Promise<undefined> {
    return undefined;
  }

  async limits(): Promise<WeightLimits> {
    return {
      layout: tensorLayout(this.tensor.dims),
      min: Float32Array.of(-LARGEST_HALF),
      max: Float32Array.of(LARGEST_HALF),
    };
  }

  store(target: ConstantTarget, value: string, reader: NodeRef): string {
    const chain = new Chain(target, value, reader);
    const { payload, bytes } = this.half;
    const stored = chain.computed('float16', DataType.FLOAT16, this.tensor.dims, bytes, () => payload.read());
    return chain.node('Cast', [stored], { to: { int: DataType.FLOAT } });
  }
}
