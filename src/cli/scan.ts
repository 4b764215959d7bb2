import type { Candidate } from '../core/results';
import { scanResumably } from '../engine/scanResumably';
import { cacheRequest } from './cacheOptions';
import { type CliIo, ExitCode, UsageError } from './cliIo';
import { layersOf } from './layersOf';
import { basePlan, dataRequest } from './planOptions';
import { ProgressLine } from './progressLine';
import type { ScanOptions } from './scanOptions';
import { scanCsv, scanTable } from './scanText';
import { jsonText, printable } from './text';

/** `roundoff scan FILE --data PATH`: the sensitivity of each layer to each format. */
export async function scan(file: string, options: ScanOptions, io: CliIo): Promise<number> {
  if (options.json && options.csv) throw new UsageError('Give --json or --csv, not both.');
  const plan = await basePlan(options);
  const { samples: scanSamples, ...rest } = options;
  const calibration = dataRequest(rest, plan);
  if (!calibration) {
    throw new UsageError(
      'A scan runs the model: give --data PATH, or --data random for made-up inputs (a rough order at best).',
    );
  }
  const globs = [...(options.layer ?? []), ...(options.layers ?? [])];
  const layers = await layersOf(file, globs.length > 0 ? globs : undefined, options, io);
  const schemes = [...(options.scheme ?? []), ...(options.schemes ?? [])];
  const { part, metric, direction } = options;
  const guesses: Candidate[] = [];
  const engine = io.openEngine();
  const progress = new ProgressLine(io);
  try {
    const result = await scanResumably(
      engine,
      {
        file,
        plan,
        calibration: { ...calibration, scanSamples },
        layers,
        metric,
        direction,
        ...(schemes.length > 0 && { schemes }),
        ...(part && part !== 'both' && { part }),
        ...cacheRequest(options),
      },
      {
        signal: io.signal,
        onProgress: (made) => {
          guesses.push(...(made.provisional ?? []));
          progress.update(made);
        },
      },
    );
    progress.clear();
    // A table of figures alone has no place for them.
    if (options.csv) for (const note of result.notes) io.stderr(printable(`${note}\n`));
    if (options.json) io.stdout(jsonText(result));
    else io.stdout(options.csv ? scanCsv(result) : scanTable(result, guesses));
    return result.partial ? ExitCode.cancelled : ExitCode.done;
  } finally {
    progress.clear();
    engine.dispose();
  }
}
