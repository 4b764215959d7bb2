/**
 * Time and memory to scan generated models of many small layers in two formats, as whole processes.
 * `npm run bench -- deep [LAYERS…] [--cli FILE]` takes 500 and 2,000 layers when none are named and the programs of `npm run build`.
 * Exit code 1 when the greatest model takes more memory than a few hundred MB: nothing that a scan holds may grow with the
 * layers but the values inside the float model, which are small here.
 */
import { existsSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import type { ScanResult } from '../src/core/results';
import { writeModelFile } from '../src/engine/files/writeModelFile';
import { manyLayers } from '../test/support/manyLayers';
import { measureProcess } from './support/measureProcess';
import { root } from './support/paths';
import { formatTable } from './support/table';

/** Of the command line and the engine together; an empty scan takes about 200 MB. */
const MOST_BYTES = 1e9;
const SAMPLES = '4';

async function main(): Promise<void> {
  const { values, positionals } = parseArgs({
    allowPositionals: true,
    options: { cli: { type: 'string', default: join(root, 'dist', 'cli.mjs') } },
  });
  if (!existsSync(values.cli)) throw new Error(`${values.cli} is not there: run "npm run build" first`);
  const counts = positionals.length > 0 ? positionals.map(Number) : [500, 2000];
  const folder = mkdtempSync(join(tmpdir(), 'bench-deep-'));
  const rows = [['layers', 'candidates', 'failed', 'process s', 'preparation s', 'trials s', 'peak MB']];
  try {
    for (const count of counts) {
      const file = join(folder, `${count}.onnx`);
      await writeModelFile(manyLayers(count), file);
      const schemes = ['--scheme', 'w8a8', '--scheme', 'w4', '--activation-range', 'max'];
      const options = ['--data', 'random', '--samples', SAMPLES, '--no-cache', '--json'];
      const scan = await measureProcess(process.execPath, [values.cli, 'scan', file, ...schemes, ...options]);
      if (scan.exitCode !== 0) throw new Error(`the scan ended with ${scan.exitCode}: ${scan.stderr}`);
      const { candidates, preparationSeconds, trialSeconds } = JSON.parse(scan.stdout) as ScanResult;
      const failed = candidates.filter(({ error }) => error !== undefined).length;
      const figures = [scan.seconds, preparationSeconds, trialSeconds].map((each) => each.toFixed(1));
      const peak = (scan.peakBytes / 1e6).toFixed(0);
      rows.push([String(count), String(candidates.length), String(failed), ...figures, peak]);
      if (failed > 0 || scan.peakBytes > MOST_BYTES) process.exitCode = 1;
    }
  } finally {
    rmSync(folder, { recursive: true });
  }
  console.log(formatTable(rows));
}

await main();
