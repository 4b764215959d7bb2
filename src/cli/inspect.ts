import type { ModelSummary } from '../core/results';
import { openModelFile } from '../engine/files/modelFile';
import { inspectModel } from '../engine/inspect';
import { type CliIo, ExitCode, UsageError } from './cliIo';
import type { InspectOptions } from './inspectOptions';
import { inspectWeights } from './inspectWeights';
import { bytesText, countText, jsonText, shapeText, table } from './text';

/** `roundoff inspect FILE`: reads the graph in this process; nothing is run. */
export async function inspect(file: string, options: InspectOptions, io: CliIo): Promise<number> {
  const { dim, json, layer, scheme, npy } = options;
  if (layer) return inspectWeights(file, { ...options, layer }, io);
  if (scheme !== undefined || npy !== undefined) {
    throw new UsageError('--scheme and --npy are for weights: name layers with --layer.');
  }
  const opened = await openModelFile(file, io);
  try {
    const summary = await inspectModel(opened, dim);
    io.stdout(json ? jsonText(summary) : describeModel(summary));
    return ExitCode.done;
  } finally {
    await opened.close();
  }
}

function describeModel(model: ModelSummary): string {
  const opsets = model.opsets.map(({ domain, version }) => `${domain || 'ai.onnx'} ${version}`).join(', ');
  const macs = model.macs === null ? 'unknown' : countText(model.macs);
  const unknown = model.macsUnknown > 0 ? ` (and those of ${model.macsUnknown} layers, unknown)` : '';
  const lines = [
    model.file,
    `  ${bytesText(model.bytes)}, IR version ${model.irVersion}, opset ${opsets}, by ${model.producer || 'unknown'}`,
    `  ${countText(model.parameters)} parameters, ${macs} multiply-accumulates a run${unknown}`,
    ...model.inputs.map(({ name, dtype, shape }) => `  input  ${name}: ${dtype} ${shapeText(shape)}`),
    ...model.outputs.map(({ name, dtype, shape, kind, classAxis }) => {
      const classes = classAxis === null ? '' : `, classes on axis ${classAxis}`;
      return `  output ${name}: ${dtype} ${shapeText(shape)} (${kind}${classes})`;
    }),
    '',
    layerTable(model),
    ...model.problems.map(({ severity, message }) => `${severity}: ${message}`),
  ];
  return `${lines.join('\n')}\n`;
}

function layerTable({ layers }: ModelSummary): string {
  if (layers.length === 0) return 'No layers: no node has a constant weight.\n';
  const rows = layers.map(({ name, op, weight, stored, parameters, bytes, macs, reason }) => [
    name,
    op,
    weight ? `${stored?.badge ?? weight.dtype} ${shapeText(weight.shape)}` : '',
    countText(parameters),
    bytesText(bytes),
    countText(macs),
    reason ?? 'yes',
  ]);
  const header = ['layer', 'op', 'weight', 'parameters', 'bytes', 'MACs', 'quantizable'];
  return `${table(header, rows, new Set([3, 4, 5]))}\n`;
}
