import { basename, dirname, join } from 'node:path';
import type { RewritePass, RewriteResult } from '../core/results';
import { changedText, rewritePasses } from '../shared/rewritePasses';
import { callEngine } from './callEngine';
import { type CliIo, ExitCode } from './cliIo';
import type { RewriteOptions } from './rewriteOptions';
import { bytesText, jsonText } from './text';

/** `roundoff rewrite PASS FILE`: writes the model after one rewrite. */
export async function rewrite(
  pass: RewritePass,
  file: string,
  { output, dim, json }: RewriteOptions,
  io: CliIo,
): Promise<number> {
  const result = await callEngine(io, 'rewriteModel', {
    file,
    pass,
    output: output ?? defaultOutput(file, pass),
    ...(dim && { dimensions: dim }),
  });
  io.stdout(json ? jsonText(result) : describeResult(result));
  return ExitCode.done;
}

/** In the model's folder, named after the pass: `model.folded.onnx`. */
function defaultOutput(file: string, pass: RewritePass): string {
  const stem = basename(file).replace(/\.onnx$/i, '');
  return join(dirname(file), `${stem}.${rewritePasses[pass].word}.onnx`);
}

function describeResult({ pass, output, bytes, changed, notes, seconds }: RewriteResult): string {
  const percent = ((100 * bytes.after) / bytes.before).toFixed(1);
  const lines = [
    changedText(pass, changed),
    `${bytesText(bytes.before)} → ${bytesText(bytes.after)} (${percent} %)`,
    ...notes.map((note) => `note: ${note}`),
    `Wrote ${output} in ${seconds.toFixed(1)} s`,
  ];
  return `${lines.join('\n')}\n`;
}
