import type { ScanResult } from '../core/results';
import { openModelFile } from '../engine/files/modelFile';
import { inspectModel } from '../engine/inspect';
import { callEngine } from './callEngine';
import { type CliIo, ExitCode, UsageError } from './cliIo';
import { matchRows } from './layerGlobs';
import { basePlan, dataRequest } from './planOptions';
import type { ScanOptions } from './scanOptions';
import { bytesText, decibelText, jsonText, table } from './text';

/** `roundoff scan FILE --data PATH`: the sensitivity of each layer. */
export async function scan(file: string, options: ScanOptions, io: CliIo): Promise<number> {
  const plan = await basePlan(options);
  const { samples: scanSamples, ...rest } = options;
  const calibration = dataRequest(rest, plan);
  if (!calibration) {
    throw new UsageError(
      'A scan runs the model: give --data PATH, or --data random for made-up inputs (a rough order at best).',
    );
  }
  const layers = options.layer && (await layersOf(file, options.layer, options, io));
  const result = await callEngine(io, 'scan', {
    file,
    plan,
    calibration: { ...calibration, scanSamples },
    layers,
  });
  if (options.json) io.stdout(jsonText(result));
  else io.stdout(describeScan(result));
  return result.partial ? ExitCode.cancelled : ExitCode.done;
}

async function layersOf(
  file: string,
  globs: readonly string[],
  { dim }: ScanOptions,
  io: CliIo,
): Promise<string[]> {
  const opened = await openModelFile(file, io);
  try {
    const { layers } = await inspectModel(opened, dim);
    return [...new Set(globs.flatMap((glob) => matchRows(glob, layers, '--layer')))];
  } finally {
    await opened.close();
  }
}

const metricNames = {
  kl: 'KL divergence of the class probabilities, nats',
  nmse: 'noise over signal at the outputs (NMSE)',
};

function describeScan({
  metric,
  samples,
  candidates,
  seconds,
  floatPassSeconds,
  partial,
}: ScanResult): string {
  const sorted = candidates.toSorted((a, b) => (b.sensitivity ?? -1) - (a.sensitivity ?? -1));
  const rows = sorted.map(({ layer, scheme, sensitivity, localSqnrDb, bytes, error }) => [
    layer,
    scheme,
    sensitivity === null ? 'failed' : sensitivity.toExponential(2),
    error === undefined ? decibelText(localSqnrDb) : '',
    bytesText(bytes),
    error ?? '',
  ]);
  const header = ['layer', 'scheme', 'sensitivity', 'at its output', 'bytes', ''];
  const lines = [
    table(header, rows, new Set([2, 3, 4])),
    '',
    `Sensitivity: ${metricNames[metric]}; ${samples} samples of the scan slice, quantization simulated.`,
    `${candidates.length} layers in ${seconds.toFixed(1)} s; one float pass took ${floatPassSeconds.toFixed(2)} s.`,
    ...(partial ? ['Cancelled: the layers that are missing were not measured.'] : []),
  ];
  return `${lines.join('\n')}\n`;
}
