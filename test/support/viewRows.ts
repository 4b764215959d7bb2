import type { LayerRow, ModelSummary, StoredFormat } from '../../src/core/results';
import type { ViewRow } from '../../src/shared/viewRpc';

export function layerRow(name: string, part: Partial<LayerRow> = {}): LayerRow {
  return {
    name,
    path: [],
    op: 'Conv',
    weight: { name: `${name}.weight`, shape: [8, 4, 3, 3], dtype: 'float', hash: null },
    parameters: 288,
    bytes: 1152,
    macs: 1000,
    quantizable: true,
    reason: null,
    ...part,
  };
}

export function viewRow(name: string, part: Partial<ViewRow> = {}): ViewRow {
  return { ...layerRow(name), isLayer: true, scheme: 'w8a8', candidate: null, predicted: null, ...part };
}

export function storedFormat(badge: string, part: Partial<StoredFormat> = {}): StoredFormat {
  return { badge, via: 'dequantize', granularity: { kind: 'per-tensor' }, codebook: null, ...part };
}

/** Three layers, the last of which cannot be quantized, and one node without a weight between them. */
export function summaryOfThree(): ModelSummary {
  return {
    file: 'model.onnx',
    bytes: 4000,
    irVersion: 8,
    opsets: [{ domain: '', version: 20 }],
    producer: 'test',
    inputs: [],
    outputs: [],
    parameters: 864,
    macs: 3000,
    macsUnknown: 0,
    dimensions: { batch: null },
    layers: [
      layerRow('conv1', { index: 0 }),
      layerRow('conv2', { index: 2 }),
      layerRow('lstm', { index: 3, op: 'LSTM', quantizable: false, reason: 'Recurrent layers stay float.' }),
    ],
    nodes: [
      layerRow('pool', {
        index: 1,
        op: 'MaxPool',
        weight: null,
        parameters: 0,
        bytes: 0,
        quantizable: false,
      }),
    ],
    problems: [],
  };
}
