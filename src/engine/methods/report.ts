import { mkdir, rmdir } from 'node:fs/promises';
import { cpus } from 'node:os';
import { basename, dirname, join, resolve, sep } from 'node:path';
import type { LayerComparison } from '../../core/compareResults';
import { formatOf } from '../../core/plan/editPlan';
import { formatText } from '../../core/quant/layerFormat';
import type { ReportData, ReportLayer } from '../../core/reportResults';
import type { CompareResult, ModelSummary, QuantizeResult } from '../../core/results';
import { renderReport } from '../../shared/report/renderReport';
import type { ReportRequest } from '../../shared/rpc';
import { RANDOM } from '../data/randomDataSet';
import { DEFAULT_SEED } from '../data/slices';
import { AtomicFile, writeTogether } from '../files/atomicFile';
import { fileError } from '../files/fileErrors';
import type { EngineHandlers } from '../messages';
import { openRuntime } from '../runtime/ortRuntime';
import { makeTemporaryFolder } from '../temporaryFolder';
import { compare } from './compare';
import { compareLayers } from './compareLayers';
import { inspect } from './inspect';
import { quantize } from './quantize';

/** What a report is made of. */
interface Measured {
  readonly summary: ModelSummary;
  readonly quantized: QuantizeResult;
  readonly compared: CompareResult;
  readonly layers: LayerComparison;
}

/** Quantizes into a temporary folder, measures what came out, and writes a report of it. */
export const report: EngineHandlers['report'] = async (request, call) => {
  const start = performance.now();
  const folder = resolve(request.folder);
  // Before any work, so that a folder that cannot be written is told at once.
  const made = await mkdir(folder, { recursive: true }).catch((error: unknown) => {
    throw fileError('write', folder, error);
  });
  const { file, plan, cache } = request;
  const { outputs } = plan;
  const dimensions = { ...plan.dimensions, ...request.dimensions };
  const { seed = DEFAULT_SEED, ...data } = request.calibration;
  const calibration = { ...data, seed };
  const temporary = await makeTemporaryFolder();
  try {
    const output = join(temporary.path, 'quantized.onnx');
    const summary = await inspect({ file, dimensions }, call);
    const quantized = await quantize({ file, plan, dimensions, calibration, output, cache }, call);
    const pair = { a: file, b: output, calibration, dimensions };
    const compared = await compare({ ...pair, ...(outputs && { outputs }) }, call);
    const layers = await compareLayers(pair, call);
    const seconds = (performance.now() - start) / 1000;
    const written = await reportOf(request, { summary, quantized, compared, layers }, seconds);
    const files = renderReport(written);
    for (const { name, text } of files) {
      const target = new AtomicFile(join(folder, name));
      await writeTogether([target], () => target.write(new TextEncoder().encode(text)));
    }
    return { folder, files: files.map(({ name }) => name), report: written };
  } catch (error) {
    if (made !== undefined) await removeEmpty(folder, made);
    throw error;
  } finally {
    await temporary.remove();
  }
};

/** Removes a folder and those around it up to `outermost`, as far as nothing is in them. */
async function removeEmpty(folder: string, outermost: string): Promise<void> {
  try {
    await rmdir(folder);
  } catch {
    // Something is in it: it stays, and so do those around it.
    return;
  }
  if (folder !== outermost && folder !== dirname(folder)) await removeEmpty(dirname(folder), outermost);
}

async function reportOf(
  request: ReportRequest,
  { summary, quantized, compared, layers }: Measured,
  seconds: number,
): Promise<ReportData> {
  const { plan, scan, file, calibration } = request;
  const shown = (text: string): string => withoutFolders(text, [file, quantized.output, calibration.data]);
  return {
    model: basename(file),
    plan: plan.calibration
      ? { ...plan, calibration: { ...plan.calibration, data: dataName(plan.calibration.data) } }
      : plan,
    data: {
      name: dataName(calibration.data),
      calibrate: quantized.calibration?.samples ?? 0,
      verify: compared.samples,
      seed: calibration.seed ?? DEFAULT_SEED,
    },
    bytes: compared.bytes,
    deflatedBytes: compared.deflatedBytes,
    layers: layerRows(request, summary, quantized, layers),
    ...(quantized.recovered && { recovered: quantized.recovered }),
    unmatched: layers.unmatched,
    layerSamples: layers.samples,
    outputs: compared.outputs,
    samples: compared.samples,
    scan: scan ? { metric: scan.metric, samples: scan.samples } : null,
    // Both tell of the data.
    notes: [...new Set([...quantized.notes, ...compared.notes])].map(shown),
    run: {
      date: new Date().toISOString(),
      machine: {
        processor: cpus()[0]?.model.trim() ?? 'unknown',
        cores: cpus().length,
        platform: `${process.platform} ${process.arch}`,
        node: process.versions.node,
        runtime: (await openRuntime()).version,
      },
      seconds,
      latencyMs: compared.latencyMs,
      peakMemoryBytes: compared.peakMemoryBytes,
    },
  };
}

function layerRows(
  { plan, scan }: ReportRequest,
  summary: ModelSummary,
  quantized: QuantizeResult,
  compared: LayerComparison,
): ReportLayer[] {
  const ops = new Map(summary.layers.map(({ name, op }) => [name, op]));
  const isRecovered = plan.recover !== undefined;
  const differences = new Map(compared.layers.map((row) => [row.layer, row]));
  return quantized.layers.map(({ name, scheme: word, bits, bytesBefore, bytesAfter, weightSqnrDb }) => {
    const scheme = word === 'float' ? word : formatText(formatOf(plan, name));
    const own = (scan?.candidates ?? []).filter(
      (each) => each.layer === name && each.scheme === scheme && !each.part && !each.provisional,
    );
    const candidate = own.find(({ recover }) => (recover !== undefined) === isRecovered) ?? own[0];
    const { accumulated, local } = differences.get(name) ?? {};
    return {
      layer: name,
      op: ops.get(name) ?? '',
      scheme,
      bits,
      bytesBefore,
      bytesAfter,
      weightSqnrDb,
      sensitivity: candidate?.sensitivity ?? null,
      ...(accumulated && { accumulatedSqnrDb: accumulated.sqnrDb }),
      ...(local && { localSqnrDb: local.sqnrDb }),
    };
  });
}

function dataName(data: string): string {
  return data === RANDOM ? `${RANDOM} inputs` : basename(data);
}

/** A text in which files have their names alone: a report is read on other machines. */
function withoutFolders(text: string, files: readonly string[]): string {
  return files
    .flatMap((file) => [dirname(file), dirname(resolve(file))])
    .filter((folder) => folder !== '.' && folder !== sep)
    .reduce((shorter, folder) => shorter.replaceAll(folder + sep, ''), text);
}
