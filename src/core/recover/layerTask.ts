import { candidatesFor } from '../calibrate/chooseWeight';
import { inputOf } from '../calibrate/layerRows';
import { matrixView, type MatrixView } from '../calibrate/weightMatrix';
import { indexGraph } from '../graph/graphIndex';
import type { Layer, LayerWeight } from '../graph/types';
import type { Model } from '../onnx/types';
import { formatOf } from '../plan/editPlan';
import type { Plan } from '../plan/types';
import { formatText, type LayerFormat } from '../quant/layerFormat';
import { defaultOpset } from '../rewrite/opset';
import { placeQuantization } from '../rewrite/placement';
import { staticGrid } from '../rewrite/staticWeight';
import { type EncodingChoice, encodeWeight } from '../rewrite/weights/encodeWeight';
import type { EncodedWeight } from '../rewrite/weights/encodedWeight';
import { type WeightSite, weightSite } from '../rewrite/weights/weightSite';

/** A layer with what it multiplies. */
export interface WeightReader {
  readonly layer: Layer;
  readonly view: MatrixView;
  /** The value that it multiplies its weight with. */
  readonly value: string;
}

/** A layer whose weight is written as codes. */
export interface LayerTask extends WeightReader {
  readonly weight: LayerWeight;
  /** Further layers that read the same weight, in the same way: the codes are theirs as well. */
  readonly sharers: readonly WeightReader[];
  /** With `site`: of a layer that computes on integers every option is decided. */
  readonly format: LayerFormat;
  readonly site: WeightSite;
  /** What data chose for codes that are the nearest. */
  readonly choice: EncodingChoice;
}

/** What layers are to be recovered, each after those it needs, and those that cannot be. */
export interface LayerTasks {
  readonly tasks: readonly LayerTask[];
  /** Names, by the reason. */
  readonly passedOver: ReadonlyMap<string, readonly string[]>;
}

/** @param model prepared. @param choices by layer name. */
export function layerTasks(
  model: Model,
  plan: Plan,
  choices: ReadonlyMap<string, EncodingChoice>,
): LayerTasks {
  const index = indexGraph(model);
  const opset = defaultOpset(model.opsetImport) ?? 0;
  const order = new Map(index.main ? index.sortedNodes(index.main).map((ref, at) => [ref, at]) : []);
  const passedOver = new Map<string, string[]>();
  const passOver = (reason: string, name: string) =>
    passedOver.set(reason, [...(passedOver.get(reason) ?? []), name]);
  const { allLayers, layers } = placeQuantization(index, plan);
  const integers = new Map(layers.map((planned) => [planned.layer, planned]));
  const ofWeights = new Map<string, LayerTask[]>();
  for (const layer of allLayers) {
    const { ref, name, weight, quantizable } = layer;
    const format = formatOf(plan, name);
    if (!quantizable || !weight || ['float', 'fp16'].includes(format.scheme)) continue;
    if (ref.scope !== index.main) {
      passOver('stands in a subgraph or function', name);
      continue;
    }
    const view = matrixView(layer);
    if (!view) {
      passOver('does not multiply its input by a weight that stands beside it', name);
      continue;
    }
    const planned = integers.get(layer);
    const grid = planned
      ? staticGrid(planned, plan, opset)
      : { format, site: weightSite(ref, weight, opset) };
    const choice = choices.get(name) ?? {};
    const task = { layer, weight, view, value: inputOf(layer), sharers: [], ...grid, choice };
    ofWeights.set(weight.name, [...(ofWeights.get(weight.name) ?? []), task]);
  }
  const place = ({ layer }: LayerTask): number => order.get(layer.ref) ?? 0;
  const tasks: LayerTask[] = [];
  for (const [value, readers] of ofWeights) {
    const [first, ...sharers] = readers.sort((a, b) => place(a) - place(b));
    if (!first) continue;
    const reason = whyNotTogether(readers, index.consumers(first.layer.ref.scope, value).length, plan);
    if (reason === undefined) tasks.push({ ...first, sharers });
    else for (const { layer } of readers) passOver(reason, layer.name);
  }
  tasks.sort((a, b) => place(a) - place(b));
  return { tasks, passedOver };
}

/** Why the readers of a weight cannot have one set of codes; undefined when they can. @param count of all that reads it. */
function whyNotTogether(readers: readonly LayerTask[], count: number, { recover }: Plan): string | undefined {
  if (count === 1) return undefined;
  // A layer that is recovered on its own has codes of its own.
  if (recover?.sequential === false) return 'shares its weight';
  const ways = readers.map(({ view, format, site }) => JSON.stringify([view, formatText(format), site]));
  const isOneWay = count === readers.length && new Set(ways).size === 1;
  return isOneWay ? undefined : 'shares its weight with what reads it in another way';
}

/** The weight of a task as a choice stores it. */
export function encodeTask({ weight, format, site }: LayerTask, choice: EncodingChoice): EncodedWeight {
  return encodeWeight(weight.tensor, site, format, choice);
}

/** The grids that codes may be chosen from: without gain, which would make up for what the codes make up for. */
export function gridChoices({ format, choice }: LayerTask): EncodingChoice[] {
  const { gain: _, ...rest } = choice;
  return candidatesFor(format)
    .filter(({ gain }) => !gain || format.gain === true)
    .map((candidate) => ({ ...rest, ...candidate }));
}
