import { candidatesFor } from '../calibrate/chooseWeight';
import { inputOf } from '../calibrate/layerRows';
import { matrixView, type MatrixView } from '../calibrate/weightMatrix';
import { indexGraph } from '../graph/graphIndex';
import type { Layer, LayerWeight } from '../graph/types';
import type { Model } from '../onnx/types';
import { formatOf } from '../plan/editPlan';
import type { Plan } from '../plan/types';
import type { LayerFormat } from '../quant/layerFormat';
import { defaultOpset } from '../rewrite/opset';
import { placeQuantization } from '../rewrite/placement';
import { staticGrid } from '../rewrite/staticWeight';
import { type EncodingChoice, encodeWeight } from '../rewrite/weights/encodeWeight';
import type { EncodedWeight } from '../rewrite/weights/encodedWeight';
import { type WeightSite, weightSite } from '../rewrite/weights/weightSite';

/** A layer whose weight is written as codes. */
export interface LayerTask {
  readonly layer: Layer;
  readonly weight: LayerWeight;
  readonly view: MatrixView;
  /** The value that it multiplies its weight with. */
  readonly value: string;
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
  const tasks: LayerTask[] = [];
  const passedOver = new Map<string, string[]>();
  const { allLayers, layers } = placeQuantization(index, plan);
  const integers = new Map(layers.map((planned) => [planned.layer, planned]));
  for (const layer of allLayers) {
    const { ref, name, weight, quantizable } = layer;
    const format = formatOf(plan, name);
    if (!quantizable || !weight || ['float', 'fp16'].includes(format.scheme)) continue;
    const passOver = (reason: string) => passedOver.set(reason, [...(passedOver.get(reason) ?? []), name]);
    const view = ref.scope === index.main ? matrixView(layer) : undefined;
    if (!view) passOver('does not multiply its input by a weight that stands beside it');
    else if (index.consumers(ref.scope, weight.name).length > 1) passOver('shares its weight');
    else {
      const planned = integers.get(layer);
      const grid = planned
        ? staticGrid(planned, plan, opset)
        : { format, site: weightSite(ref, weight, opset) };
      tasks.push({ layer, weight, view, value: inputOf(layer), ...grid, choice: choices.get(name) ?? {} });
    }
  }
  tasks.sort((a, b) => (order.get(a.layer.ref) ?? 0) - (order.get(b.layer.ref) ?? 0));
  return { tasks, passedOver };
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
