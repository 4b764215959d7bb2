import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { projectRoot } from '../../../scripts/vscode/paths';

/** What the command line makes of a model. */
export function quantizedByCli(model: string, scheme: string): Uint8Array {
  const folder = mkdtempSync(join(tmpdir(), 'roundoff-quantized-'));
  try {
    const output = join(folder, 'quantized.onnx');
    const cli = join(projectRoot, 'dist', 'cli.mjs');
    execFileSync(process.execPath, [cli, 'quantize', model, '--scheme', scheme, '--output', output]);
    return readFileSync(output);
  } finally {
    rmSync(folder, { recursive: true });
  }
}
