import type { LayerExplanation } from '../core/explainResults';
import { formatOf } from '../core/plan/editPlan';
import { formatText, parseFormat } from '../core/quant/layerFormat';
import type { ScanResult } from '../core/results';
import { DEFAULT_SCAN_FORMATS } from '../core/scan/formats';
import { scanResumably } from '../engine/scanResumably';
import type { DataRequest } from '../shared/rpc';
import { cacheRequest } from './cacheOptions';
import { type CliIo, ExitCode, UsageError } from './cliIo';
import type { ExplainOptions } from './explainOptions';
import { explanationText } from './explainText';
import { layersOf } from './layersOf';
import { basePlan, dataRequest } from './planOptions';
import { ProgressLine } from './progressLine';
import { jsonText, printable } from './text';

/** `roundoff explain FILE --layer GLOB [--scheme FORMAT] [--data PATH]`: why layers hurt, and what would help. */
export async function explain(file: string, options: ExplainOptions, io: CliIo): Promise<number> {
  const plan = await basePlan(options);
  const { samples: scanSamples, ...rest } = options;
  const data = dataRequest(rest, plan);
  const calibration: DataRequest | undefined = data && { ...data, scanSamples };
  const layers = (await layersOf(file, options.layer, options, io)) ?? [];
  const schemes = new Map(
    layers.map((layer) => [layer, options.scheme ?? formatText(formatOf(plan, layer))]),
  );
  const formats = [...new Set([...schemes.values()].map(explainable))];
  const engine = io.openEngine();
  const progress = new ProgressLine(io);
  const call = { signal: io.signal, onProgress: progress.update };
  try {
    let scanned: ScanResult | undefined;
    if (calibration) {
      scanned = await scanResumably(
        engine,
        {
          file,
          plan,
          calibration,
          layers,
          schemes: [...new Set([...formats, ...DEFAULT_SCAN_FORMATS])],
          metric: options.metric,
          ...cacheRequest(options),
        },
        call,
      );
    }
    const explained: LayerExplanation[] = [];
    for (const [layer, scheme] of schemes) {
      const request = {
        file,
        plan,
        layer,
        scheme,
        ...(calibration && { calibration }),
        ...(scanned && { measured: { metric: scanned.metric, candidates: scanned.candidates } }),
      };
      explained.push(await engine.call('explain', request, call));
    }
    progress.clear();
    for (const note of scanned?.notes ?? []) io.stderr(printable(`${note}\n`));
    io.stdout(options.json ? jsonText(explained) : explained.map(explanationText).join('\n'));
    return scanned?.partial ? ExitCode.cancelled : ExitCode.done;
  } finally {
    progress.clear();
    engine.dispose();
  }
}

/** The format as results name it. @throws UsageError for a text that is no format, or float. */
function explainable(text: string): string {
  const format = parseFormat(text);
  if ('mistake' in format) throw new UsageError(`--scheme: ${format.mistake}`);
  if (format.scheme === 'float') {
    throw new UsageError(
      'A float layer has no error to explain: give --scheme, the format that it is to have.',
    );
  }
  return formatText(format);
}
