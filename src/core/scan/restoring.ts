import { CancelledError, throwIfCancelled } from '../errors';
import { setScheme } from '../plan/editPlan';
import type { Plan } from '../plan/types';
import type { Candidate, ScanMetric } from '../results';
import { doneLayers, rewriteCompensated } from '../recover/compensated';
import type { DoneLayer } from '../recover/keptLayers';
import type { Candidates } from './candidates';
import type { ScanFormat } from './formats';
import type { LayerTrialsContext } from './layerTrials';
import { modelFigures } from './modelFigures';
import type { SampleFigures } from './sampleFigures';
import { summarize } from './summary';

/** Restoring a layer and quantizing it alone may differ by this factor before one speaks of interaction. */
const INTERACTION_FACTOR = 4;
/** Effects below this share of that of all layers together count as this much: their ratio says nothing. */
const NEGLIGIBLE = 0.01;

/**
 * The other direction of a scan: with all layers in a format, by how much the change of the output shrinks when one of them
 * stays float. `interaction` is set where that and the layer's effect alone, in KL or NMSE, differ by more than a factor of 4;
 * effects below 1 % of that of all layers together are not told apart. Each model is built whole: what is quantized in front
 * of a layer changes what it reads.
 * @throws CancelledError
 */
export async function measureRestoring(
  context: LayerTrialsContext,
  names: readonly string[],
  candidates: Candidates,
  metric: ScanMetric,
): Promise<void> {
  for (const format of candidates.formats) {
    const measured = names.filter((name) => candidates.get(name, format)?.error === undefined);
    const pending = measured.filter((name) => candidates.get(name, format)?.restoring === undefined);
    if (pending.length === 0) continue;
    const whole = await wholeModel(context, measured, format);
    for (const name of pending) {
      throwIfCancelled(context.work.signal);
      candidates.starts(name, format);
      const candidate = candidates.get(name, format);
      if (!candidate) continue;
      const figures = whole && (await restore(context, whole, candidate, format, metric));
      candidates.add({ ...candidate, restoring: null, ...figures });
    }
  }
}

/** All layers that can have a format, in it. */
interface WholeModel {
  readonly names: readonly string[];
  readonly done: ReadonlyMap<string, DoneLayer>;
  readonly figures: readonly SampleFigures[];
}

/** @returns undefined when that model does not run, or gives nothing finite. @throws CancelledError */
async function wholeModel(
  context: LayerTrialsContext,
  names: readonly string[],
  format: ScanFormat,
): Promise<WholeModel | undefined> {
  try {
    const { compensation, work } = context;
    const done = await doneLayers(names, async (name) => compensation?.of(name, format), work.signal);
    return { names, done, figures: await figuresWith(context, names, format, done) };
  } catch (error) {
    if (error instanceof CancelledError) throw error;
    return undefined;
  }
}

/** @returns undefined when the model without the layer does not run. @throws CancelledError */
async function restore(
  context: LayerTrialsContext,
  { names, done, figures }: WholeModel,
  { layer, sensitivity }: Candidate,
  format: ScanFormat,
  metric: ScanMetric,
): Promise<Pick<Candidate, 'restoring' | 'interaction'> | undefined> {
  const others = names.filter((each) => each !== layer);
  try {
    const without = await figuresWith(context, others, format, done);
    const all = summarize(figures, metric).sensitivity;
    const restoring = all - summarize(without, metric).sensitivity;
    const isAdditive = metric === 'kl' || metric === 'nmse';
    const isInteraction = isAdditive && disagree(restoring, sensitivity ?? 0, all);
    return { restoring, ...(isInteraction && { interaction: true as const }) };
  } catch (error) {
    if (error instanceof CancelledError) throw error;
    return undefined;
  }
}

/** @param total effect of all layers. */
export function disagree(restoring: number, alone: number, total: number): boolean {
  const least = NEGLIGIBLE * total;
  const [a, b] = [Math.max(restoring, least), Math.max(alone, least)];
  return Math.max(a, b) > INTERACTION_FACTOR * Math.min(a, b);
}

async function figuresWith(
  context: LayerTrialsContext,
  names: readonly string[],
  { format }: ScanFormat,
  done: ReadonlyMap<string, DoneLayer>,
): Promise<SampleFigures[]> {
  const { plan, index, ranges, work } = context;
  const { defaultOptions: _, ...rest } = plan;
  const quantized: Plan = setScheme({ ...rest, defaultScheme: 'float', layers: {} }, names, format);
  const own = new Map([...done].filter(([name]) => names.includes(name)));
  const { model } = await rewriteCompensated(index.model, quantized, ranges, own, work.signal);
  return modelFigures(context, model);
}
