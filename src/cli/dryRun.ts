import type { Plan } from '../core/plan/types';
import type { PredictResult } from '../core/results';
import { callEngine } from './callEngine';
import { type CliIo, ExitCode } from './cliIo';
import { bytesText, countText, jsonText, percentText, table } from './text';
import { weightText } from './weightText';

/** `roundoff quantize FILE --dry-run`: tells the bytes that would be written. @param notes to tell first. */
export async function dryRun(
  file: string,
  plan: Plan,
  { json }: { readonly json?: boolean },
  notes: readonly string[],
  io: CliIo,
): Promise<number> {
  const predicted = await callEngine(io, 'predict', { file, plan });
  const result = { ...predicted, notes: [...new Set([...notes, ...predicted.notes])] };
  io.stdout(json ? jsonText(result) : describe(result));
  return ExitCode.done;
}

function describe({ bytes, bytesBefore, layers, notes }: PredictResult): string {
  const rows = layers.map((layer) => [
    layer.name,
    layer.scheme,
    weightText(layer),
    bytesText(layer.bytesBefore),
    bytesText(layer.bytes),
  ]);
  const exact = `${countText(bytesBefore)} → ${countText(bytes)} bytes`;
  const lines = [
    table(['layer', 'scheme', 'weight', 'before', 'after'], rows, new Set([3, 4])),
    '',
    `${exact} (${percentText(bytes / bytesBefore)}). Nothing was written.`,
    ...notes.map((note) => `note: ${note}`),
  ];
  return `${lines.join('\n')}\n`;
}
