import { throwIfCancelled } from '../errors';
import type { Layer } from '../graph/types';
import { rawByteLength } from '../onnx/dtype';
import { elementCount } from '../onnx/tensor';
import { isStatic } from '../plan/editPlan';
import type { CancelSignal } from '../ports';
import type { LayerFormat } from '../quant/layerFormat';
import type { StaticType } from '../quant/scheme';
import type { WeightChoice } from '../quant/weightChoice';
import { differenceFrom } from '../quant/weights';
import type { EncodedWeight } from '../rewrite/weights/encodedWeight';
import { type EncodingChoice, encodeWeight } from '../rewrite/weights/encodeWeight';
import { floatsOf } from '../rewrite/weights/floatValues';
import { weightSite } from '../rewrite/weights/weightSite';
import { candidatesFor, chooseWeight } from './chooseWeight';
import type { LayerErrors } from './layerError';
import { LayerJudge } from './layerJudge';
import type { LayerRows } from './layerRows';

/** What a layer loses by a format. */
export interface MeasuredFormat {
  readonly format: LayerFormat;
  /** Where the error was measured: at the layer's output, or in its weight when no rows of its input are known. */
  readonly at: 'output' | 'weight';
  readonly sqnrDb: number | null;
  /** Noise over signal, to compare formats by. */
  readonly nmse: number;
  /** Bytes of the weight in the file. */
  readonly bytes: number;
  readonly choice: WeightChoice | undefined;
}

/** Tries formats on one layer. */
export class LayerFormats {
  /** Everything that was fitted: as long as it is held, a rewrite does not fit it again. Scales and tables, not weights. */
  readonly encodings: EncodedWeight[] = [];

  private constructor(
    private readonly layer: Layer,
    private readonly opset: number,
    private readonly judge: LayerJudge | undefined,
  ) {}

  /**
   * @param opset version of the default operator set that the model has.
   * @param rows of the layer's input, with what multiplies them; absent: formats are judged by the weight.
   */
  static async of(
    layer: Layer,
    opset: number,
    data?: { readonly rows: LayerRows; readonly errors: LayerErrors },
    signal?: CancelSignal,
  ): Promise<LayerFormats> {
    const { weight } = layer;
    if (!data || !weight) return new LayerFormats(layer, opset, undefined);
    const values = await floatsOf(weight.tensor);
    return new LayerFormats(layer, opset, await LayerJudge.of(data.errors, data.rows, values, signal));
  }

  get elements(): number {
    return this.layer.weights.reduce((sum, { tensor }) => sum + elementCount(tensor), 0);
  }

  /** Bytes of the float weight in the file. */
  get storedBytes(): number {
    return this.layer.weights.reduce(
      (sum, { tensor }) => sum + (rawByteLength(tensor.dataType, elementCount(tensor)) ?? 0),
      0,
    );
  }

  /** Bytes of the weight in the file; nothing is read. @throws InputError for a format that the operator set cannot have. */
  bytesOf(format: LayerFormat): number {
    if (format.scheme === 'float') return this.storedBytes;
    return this.encode(format).reduce((sum, { bytes }) => sum + bytes, 0);
  }

  /**
   * The error of a format with the best of what it leaves open.
   * @param activations what a static layer's input is rounded to.
   * @throws InputError for a format that cannot hold the weight, or that the operator set cannot have.
   * @throws CancelledError
   */
  async measure(
    format: LayerFormat,
    activations: StaticType | undefined,
    signal?: CancelSignal,
  ): Promise<MeasuredFormat> {
    throwIfCancelled(signal);
    const bytes = this.bytesOf(format);
    if (format.scheme === 'float') {
      return {
        format,
        at: this.judge ? 'output' : 'weight',
        sqnrDb: null,
        nmse: 0,
        bytes,
        choice: undefined,
      };
    }
    if (!this.judge) return { ...(await this.weightError(format)), format, bytes, choice: undefined };
    if (isStatic(format.scheme) && activations) {
      const [candidate] = candidatesFor(format);
      const { sqnrDb, nmse } = await this.judge.staticError(
        await this.values(format, candidate),
        activations,
        signal,
      );
      return { format, at: 'output', sqnrDb, nmse, bytes, choice: undefined };
    }
    const { choice, error } = await chooseWeight(
      this.judge,
      format,
      (candidate) => this.values(format, candidate),
      signal,
    );
    return { format, at: 'output', sqnrDb: error.sqnrDb, nmse: error.nmse, bytes, choice };
  }

  private encode(format: LayerFormat, choice?: EncodingChoice): EncodedWeight[] {
    const { ref, weights } = this.layer;
    const encoded = weights.map((weight) =>
      encodeWeight(weight.tensor, weightSite(ref, weight, this.opset), format, choice),
    );
    this.encodings.push(...encoded);
    return encoded;
  }

  private async values(format: LayerFormat, choice?: EncodingChoice): Promise<Float32Array> {
    const [first] = this.encode(format, choice);
    if (!first) throw new Error(`${this.layer.name} has no weight`);
    return first.values();
  }

  private async weightError(format: LayerFormat): Promise<Pick<MeasuredFormat, 'at' | 'sqnrDb' | 'nmse'>> {
    let [noise, signal] = [0, 0];
    for (const [i, encoded] of this.encode(format).entries()) {
      const tensor = this.layer.weights[i]?.tensor;
      if (!tensor) continue;
      const values = await floatsOf(tensor);
      noise += differenceFrom(values, await encoded.values()).sse;
      for (const value of values) signal += value * value;
    }
    const nmse = noise === 0 ? 0 : noise / signal;
    return { at: 'weight', nmse, sqnrDb: nmse > 0 && signal > 0 ? -10 * Math.log10(nmse) : null };
  }
}
