import { recoveringAlone } from '../core/plan/recover';
import { stampHashes } from '../core/plan/editPlan';
import type { Plan } from '../core/plan/types';
import type { QuantizeResult } from '../core/results';
import type { SearchResult } from '../core/searchResults';
import { withFormats } from '../core/plan/layerFormats';
import { openModelFile } from '../engine/files/modelFile';
import { requireWritable } from '../engine/files/requireWritable';
import { refuseOpened } from '../engine/files/writeModelFile';
import { weightHashes } from '../engine/inspect';
import { searchResumably } from '../engine/searchResumably';
import type { SearchRequest } from '../shared/rpc';
import { cacheRequest } from './cacheOptions';
import { callEngine } from './callEngine';
import { type CliIo, ExitCode, UsageError } from './cliIo';
import { layersOf } from './layersOf';
import { basePlan, dataRequest } from './planOptions';
import { checkPlanPath, writePlan } from './planOutput';
import { ProgressLine } from './progressLine';
import { searchGoal, type SearchOptions } from './searchOptions';
import { searchText } from './searchText';
import { jsonText, printable } from './text';

/** `roundoff search FILE --data PATH --budget bytes=40%`: the best format of each layer. */
export async function search(file: string, options: SearchOptions, io: CliIo): Promise<number> {
  const goal = searchGoal(options);
  const plan = await basePlan(options);
  const data = dataRequest(options, plan);
  if (!data) throw new UsageError('A search runs the model: give --data PATH.');
  await checkOutputs(file, options, io);
  const calibration = { ...data, scanSamples: options.scanSamples };
  const { scheme: schemes } = options;
  const result = await run(
    {
      file,
      plan,
      calibration,
      goal,
      layers: await layersOf(file, options.layer, options, io),
      ...(schemes && { schemes: [...schemes] }),
      ...(options.latency && { latency: true }),
      ...cacheRequest(options),
    },
    io,
  );
  const { tensors: _, ...rest } = recoveringAlone(plan);
  const chosen = withFormats(rest, result.chosen.layers);
  const written = await writeChosen(file, chosen, { ...options, calibration }, result, io);
  if (options.json) io.stdout(jsonText(written ? { ...result, written } : result));
  else io.stdout(searchText(result, written));
  if (!result.met) io.stderr(printable('limit not met: the plan given is the one that comes closest\n'));
  // Also when the plan so far meets the goal: a whole search might have found a better one.
  if (result.partial) return ExitCode.cancelled;
  return result.met ? ExitCode.done : ExitCode.limitNotMet;
}

/** Scan and search, in a way that outlives a crash of the engine. */
async function run(request: SearchRequest, io: CliIo): Promise<SearchResult> {
  const engine = io.openEngine();
  const progress = new ProgressLine(io);
  try {
    return await searchResumably(engine, request, { signal: io.signal, onProgress: progress.update });
  } finally {
    progress.clear();
    engine.dispose();
  }
}

async function checkOutputs(
  file: string,
  { write, writePlan: planFile }: SearchOptions,
  io: CliIo,
): Promise<void> {
  const opened = await openModelFile(file, io);
  try {
    if (write !== undefined) {
      await refuseOpened(write, opened.model, [opened.path]);
      await requireWritable(write);
    }
    const output = write === undefined ? undefined : { path: write, option: '--write' };
    if (planFile !== undefined) await checkPlanPath(planFile, output, opened);
  } finally {
    await opened.close();
  }
}

/** Writes what was asked for, also after a search that was cancelled: its best plan is what one then wants to have. */
async function writeChosen(
  file: string,
  plan: Plan,
  options: Pick<SearchOptions, 'write' | 'writePlan' | 'cache'> & Pick<SearchRequest, 'calibration'>,
  { calibration }: SearchResult,
  io: CliIo,
): Promise<QuantizeResult | undefined> {
  if (options.writePlan !== undefined) {
    const opened = await openModelFile(file);
    try {
      const hashes = new Map(Object.entries(await weightHashes(opened)));
      await writePlan(options.writePlan, stampHashes(plan, hashes), calibration);
    } finally {
      await opened.close();
    }
  }
  if (options.write === undefined) return undefined;
  const request = {
    file,
    plan,
    calibration: options.calibration,
    output: options.write,
    ...(plan.recover && cacheRequest(options)),
  };
  // The signal told the search to end.
  return callEngine({ ...io, signal: new AbortController().signal }, 'quantize', request);
}
