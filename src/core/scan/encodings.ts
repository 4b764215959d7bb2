import { storedBytes } from '../graph/operandSizes';
import type { Layer } from '../graph/types';
import type { Model } from '../onnx/types';
import type { LayerFormat } from '../quant/layerFormat';
import { differenceFrom } from '../quant/weights';
import { defaultOpset } from '../rewrite/opset';
import type { EncodedWeight } from '../rewrite/weights/encodedWeight';
import { encodeWeight, type EncodingChoice } from '../rewrite/weights/encodeWeight';
import { floatsOf } from '../rewrite/weights/floatValues';
import { weightSite } from '../rewrite/weights/weightSite';
import { channelsOf } from './excerpt';
import { candidateKey, type ScanFormat } from './formats';

/** Guesses look at about as many elements of a weight: all formats of all layers must be there in a second. */
const GUESSED_ELEMENTS = 2 ** 12;

/** The weights of a model's layers in the formats of a scan: each fitted once, for as long as this lives. */
export class Encodings {
  private readonly known = new Map<string, readonly EncodedWeight[]>();
  private readonly opset: number;

  /** @param model the prepared one that the layers are of. */
  constructor(model: Model) {
    this.opset = defaultOpset(model.opsetImport) ?? 0;
  }

  /**
   * One for each weight of the layer.
   * @param choice what it is besides the format; encodings with one are not kept.
   * @throws InputError for a format that the operator set cannot have.
   */
  of(layer: Layer, { text, format }: ScanFormat, choice?: EncodingChoice): readonly EncodedWeight[] {
    if (choice) return this.encode(layer, format, choice);
    const key = candidateKey({ layer: layer.name, scheme: text });
    const found = this.known.get(key) ?? this.encode(layer, format);
    this.known.set(key, found);
    return found;
  }

  /** Stored bytes of the layer with its weights in a format; its bias stays float. @throws InputError */
  bytesOf(layer: Layer, format: ScanFormat): number {
    const before = layer.weights.reduce((sum, { tensor }) => sum + storedBytes(tensor), 0);
    return this.of(layer, format).reduce((sum, { bytes }) => sum + bytes, layer.bytes - before);
  }

  /**
   * Squared error of the weights over their squares, guessed from some of their channels.
   * @throws InputError for a format that the layer cannot have.
   */
  async weightError(layer: Layer, { format }: ScanFormat): Promise<number> {
    let [noise, signal] = [0, 0];
    for (const weight of layer.weights) {
      const site = weightSite(layer.ref, weight, this.opset);
      const excerpt = await channelsOf(weight.tensor, site.channelAxis, GUESSED_ELEMENTS);
      const values = await floatsOf(excerpt);
      noise += differenceFrom(values, await encodeWeight(excerpt, site, format).values(), false).sse;
      for (const value of values) signal += value * value;
    }
    return noise === 0 ? 0 : noise / signal;
  }

  private encode({ ref, weights }: Layer, format: LayerFormat, choice?: EncodingChoice): EncodedWeight[] {
    return weights.map((weight) =>
      encodeWeight(weight.tensor, weightSite(ref, weight, this.opset), format, choice),
    );
  }
}
