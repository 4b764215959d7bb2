import { readFile } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { formatOf } from '../core/plan/editPlan';
import { withRecover } from '../core/plan/recover';
import type { Plan } from '../core/plan/types';
import { formatText } from '../core/quant/layerFormat';
import type { ReportResult } from '../core/reportResults';
import type { Candidate, ScanResult } from '../core/results';
import { fileError } from '../engine/files/fileErrors';
import { openModelFile } from '../engine/files/modelFile';
import { inspectModel } from '../engine/inspect';
import { scanResumably } from '../engine/scanResumably';
import type { DataRequest, ReportRequest } from '../shared/rpc';
import { cacheRequest } from './cacheOptions';
import { callEngine } from './callEngine';
import { type CliIo, ExitCode, UsageError } from './cliIo';
import { basePlan, dataRequest } from './planOptions';
import { ProgressLine } from './progressLine';
import type { ReportOptions } from './reportOptions';
import { bytesText, decibelText, jsonText } from './text';

/** `roundoff report FILE --plan P --data PATH`: everything about a plan in one folder. */
export async function report(file: string, options: ReportOptions, io: CliIo): Promise<number> {
  const plan = await basePlan(options);
  const calibration = dataRequest(options, plan);
  if (!calibration) {
    throw new UsageError('A report runs the model: give --data PATH, or a plan that names its data.');
  }
  const folder = options.output ?? defaultFolder(file, options.plan);
  const scan = options.scan === undefined ? undefined : await scanFor(file, options, plan, calibration, io);
  const result = await callEngine(io, 'report', {
    file,
    plan,
    calibration,
    dimensions: options.dim,
    folder,
    ...(plan.recover && cacheRequest(options)),
    ...(scan && { scan }),
  });
  io.stdout(options.json ? jsonText(result) : describeReport(result));
  return ExitCode.done;
}

/** Beside the plan, named after it. */
function defaultFolder(file: string, plan: string | undefined): string {
  const source = plan ?? file;
  return join(dirname(source), `${basename(source).replace(/(\.quant)?\.json$|\.onnx$/i, '')}.report`);
}

type Scan = NonNullable<ReportRequest['scan']>;

async function scanFor(
  file: string,
  options: ReportOptions,
  plan: Plan,
  calibration: DataRequest,
  io: CliIo,
): Promise<Scan> {
  if (typeof options.scan === 'string') return readScan(options.scan);
  const opened = await openModelFile(file, io);
  let schemes: string[];
  let layers: string[];
  try {
    const summary = await inspectModel(opened, plan.dimensions);
    const planned = summary.layers.filter(
      ({ name, quantizable }) => quantizable && formatOf(plan, name).scheme !== 'float',
    );
    layers = planned.map(({ name }) => name);
    schemes = [...new Set(layers.map((name) => formatText(formatOf(plan, name))))];
  } finally {
    await opened.close();
  }
  const engine = io.openEngine();
  const progress = new ProgressLine(io);
  try {
    return await scanResumably(
      engine,
      { file, plan: aloneAsFarAsCan(plan), calibration, layers, schemes, ...cacheRequest(options) },
      { signal: io.signal, onProgress: progress.update },
    );
  } finally {
    progress.clear();
    engine.dispose();
  }
}

/** With the steps that a scan can take. */
function aloneAsFarAsCan(plan: Plan): Plan {
  const steps = (plan.recover?.steps ?? []).filter((step) => step !== 'equalize');
  return withRecover(plan, steps, { sequential: false });
}

async function readScan(path: string): Promise<Scan> {
  const text = await readFile(path, 'utf8').catch((error: unknown) => {
    throw fileError('read', path, error);
  });
  const mistake = () => new UsageError(`${path} is not what \`roundoff scan --json\` prints.`);
  let parsed: Partial<ScanResult> | null;
  try {
    parsed = JSON.parse(text) as Partial<ScanResult> | null;
  } catch {
    throw mistake();
  }
  const { metric, samples, candidates } = parsed ?? {};
  const isCandidate = (each: Partial<Candidate> | null): boolean =>
    typeof each?.layer === 'string' &&
    typeof each.scheme === 'string' &&
    (each.sensitivity === null || typeof each.sensitivity === 'number');
  if (typeof metric !== 'string' || typeof samples !== 'number') throw mistake();
  if (!Array.isArray(candidates) || !candidates.every(isCandidate)) throw mistake();
  return { metric, samples, candidates };
}

function describeReport({ folder, files, report: { bytes, outputs, samples } }: ReportResult): string {
  const lines = [
    `${bytesText(bytes.a)} → ${bytesText(bytes.b)}`,
    ...outputs.map(
      ({ name, sqnrDb }) =>
        `output ${name}: SQNR ${decibelText(sqnrDb)}, ${samples} samples of the verify slice`,
    ),
    `Wrote ${join(folder, files[0] ?? '')} with ${files.slice(1).join(', ')}`,
  ];
  return `${lines.join('\n')}\n`;
}
