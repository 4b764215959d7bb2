import type { NodeRef } from '../graph/types';
import { integerType } from '../quant/integerTypes';
import type { WeightFormat } from '../quant/weights';
import { codesPayload, type QuantizedConstant } from './layerWeights';
import type { QdqWriter } from './qdq';

/** Stores constants of static nodes, each once per format: nodes that share a constant share its codes. */
export class ConstantStore {
  private readonly stored = new Map<WeightFormat, string>();

  constructor(private readonly writer: QdqWriter) {}

  /** @returns the value that stands for the constant. */
  store(value: string, reader: NodeRef | 'several', quantized: QuantizedConstant): string {
    const known = this.stored.get(quantized.format);
    if (known !== undefined) return known;
    const { format, tensor, axis } = quantized;
    const { dataType } = integerType(format.type);
    const name = this.writer.addConstant(value, reader, {
      codes: { dataType, dims: tensor.dims, payload: codesPayload(quantized) },
      scales: format.params.map(({ scale }) => scale),
      zeroPoints: { dataType, values: format.params.map(({ zeroPoint }) => zeroPoint) },
      axis,
    });
    this.stored.set(format, name);
    return name;
  }
}
