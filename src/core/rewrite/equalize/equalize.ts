import { throwIfCancelled } from '../../errors';
import { type GraphIndex, indexGraph } from '../../graph/graphIndex';
import type { NodeRef } from '../../graph/types';
import { floatTensor, makeNode } from '../../onnx/build';
import { readFloat32 } from '../../onnx/tensor';
import type { Model } from '../../onnx/types';
import { formatOf, isStatic } from '../../plan/editPlan';
import type { Plan } from '../../plan/types';
import type { CancelSignal } from '../../ports';
import { biasPerChannel } from '../bias';
import { GraphChanges } from '../graphChanges';
import { lazyFloatTensor } from '../lazyTensor';
import { Notes } from '../notes';
import { clippingBounds } from '../operators';
import { replaceOperand } from '../ownConstant';
import { floatsOf } from '../weights/floatValues';
import { type LayerPair, layerPairs, type ScalableLayer } from './pairs';

/** Passes over all pairs at most, and the change of a scale from which there is another. */
const SWEEPS = 20;
const LEAST_CHANGE = 1e-3;
/** Channels whose range is below this part of the layer's are dead: they keep their weights. */
const DEAD = 1e-6;

export interface Equalized {
  readonly model: Model;
  /** Names of the layers between which factors moved. */
  readonly pairs: readonly (readonly [first: string, second: string])[];
  readonly notes: readonly string[];
}

/** What the channels of a layer are multiplied by so far. */
interface Scales {
  readonly outputs: Float64Array;
  readonly inputs: Float64Array;
}

/**
 * Cross-layer equalization (Nagel et al. 2019, arXiv:1906.04721, eq. 11): factors of channels move from layer to layer, so that
 * each channel has the same range in both, s = √(r1·r2)/r2, where r1 is the greatest weight of the output channel in the first,
 * r2 that of the input channel in the second. The model computes the same, up to rounding. Passes over all pairs are repeated
 * until no scale changes by a thousandth; a depthwise layer and its neighbours (two pairs) come to s1 = r1/∛(r1·r2·r3) and
 * s2 = ∛(r1·r2·r3)/r3 that way.
 * @param model prepared. Pairs are passed over when the plan leaves both layers float. A Clip between two layers
 * (Relu6) becomes Relu or Max, and Min, with a bound for each channel where both have weight-only formats; where one computes on
 * integers, which the Clip is part of, the pair is passed over with a note.
 * @throws CancelledError
 */
export async function equalize(model: Model, plan: Plan, signal?: CancelSignal): Promise<Equalized> {
  const index = indexGraph(model);
  const notes = new Notes();
  const pairs = layerPairs(index).filter(({ first, second, clips }) => {
    const schemes = [first, second].map(({ ref }) => formatOf(plan, ref.name).scheme);
    if (schemes.every((scheme) => scheme === 'float')) return false;
    if (clips.length === 0 || !schemes.some(isStatic)) return true;
    notes.add(
      first.ref.name,
      'Its channels were not evened out with those of the next layer: on integers, the Clip between them has one bound for all.',
    );
    return false;
  });
  const scales = new Map<ScalableLayer, Scales>();
  for (const layer of pairs.flatMap(({ first, second }) => [first, second])) {
    const { outputs, inputs } = layer.channels;
    scales.set(layer, {
      outputs: new Float64Array(outputs).fill(1),
      inputs: new Float64Array(inputs).fill(1),
    });
  }
  const moved = new Map(pairs.map((pair) => [pair, new Float64Array(pair.first.channels.outputs).fill(1)]));
  for (let sweep = 0, change = Infinity; sweep < SWEEPS && change >= LEAST_CHANGE; sweep++) {
    change = 0;
    for (const [pair, total] of moved) {
      throwIfCancelled(signal);
      const factors = await evenOut(pair, scales);
      factors.forEach((factor, channel) => {
        total[channel] = (total[channel] ?? 1) * factor;
        change = Math.max(change, Math.abs(factor - 1));
      });
    }
  }
  const changes = new GraphChanges(model);
  for (const [layer, own] of scales) scaleLayer(changes, index, layer, own);
  for (const [pair, total] of moved) {
    for (const clip of pair.clips) scaleClip(changes, index, clip, pair, total);
  }
  return {
    model: changes.apply(),
    pairs: pairs.map(({ first, second }) => [first.ref.name, second.ref.name]),
    notes: notes.sentences(),
  };
}

/** Makes the ranges of a pair even once. @returns what the first layer is divided by, per channel. */
async function evenOut(
  { first, second, spread }: LayerPair,
  scales: ReadonlyMap<ScalableLayer, Scales>,
): Promise<Float64Array> {
  const [before, after] = [scales.get(first), scales.get(second)];
  if (!before || !after) throw new Error('a pair without scales');
  const outputs = await channelRanges(first, before, before.outputs.length, (at) =>
    first.channels.outputOf(at),
  );
  const inputs = await channelRanges(second, after, outputs.length, (at) =>
    Math.floor(second.channels.inputOf(at) / spread),
  );
  const least = (ranges: Float64Array) => DEAD * ranges.reduce((most, range) => Math.max(most, range), 0);
  const [leastOutput, leastInput] = [least(outputs), least(inputs)];
  return outputs.map((output, channel) => {
    const input = inputs[channel] ?? 0;
    if (!(output > leastOutput && input > leastInput)) return 1;
    const factor = Math.sqrt(output / input);
    before.outputs[channel] = (before.outputs[channel] ?? 1) / factor;
    for (let i = channel * spread; i < (channel + 1) * spread; i++) {
      after.inputs[i] = (after.inputs[i] ?? 1) * factor;
    }
    return factor;
  });
}

/** The greatest magnitude of each channel of a scaled weight. */
async function channelRanges(
  { weight, channels }: ScalableLayer,
  { outputs, inputs }: Scales,
  count: number,
  channelOf: (at: number) => number,
): Promise<Float64Array> {
  const values = await floatsOf(weight);
  const ranges = new Float64Array(count);
  for (let at = 0; at < values.length; at++) {
    const scale = (outputs[channels.outputOf(at)] as number) * (inputs[channels.inputOf(at)] as number);
    const magnitude = Math.abs(values[at] as number) * scale;
    const channel = channelOf(at);
    if (magnitude > (ranges[channel] as number)) ranges[channel] = magnitude;
  }
  return ranges;
}

function scaleLayer(
  changes: GraphChanges,
  index: GraphIndex,
  { ref, weight, channels, bias }: ScalableLayer,
  { outputs, inputs }: Scales,
): void {
  replaceOperand(index, changes, ref, 1, (name) =>
    lazyFloatTensor(name, weight.dims, async () =>
      (await readFloat32(weight)).map(
        (value, at) =>
          value * (outputs[channels.outputOf(at)] as number) * (inputs[channels.inputOf(at)] as number),
      ),
    ),
  );
  if (!bias || outputs.every((scale) => scale === 1)) return;
  replaceOperand(index, changes, ref, 2, (name) =>
    lazyFloatTensor(name, [channels.outputs], async () =>
      (await biasPerChannel(bias, channels.outputs)).map((value, c) => value * (outputs[c] as number)),
    ),
  );
}

/** A Clip with a bound for each channel. @param factors what the layer before it was divided by. */
function scaleClip(
  changes: GraphChanges,
  index: GraphIndex,
  clip: NodeRef,
  { first }: LayerPair,
  factors: Float64Array,
): void {
  const bounds = clippingBounds(index, clip);
  if (!bounds) throw new Error(`${clip.name} is no Clip`);
  const dims = [factors.length, ...new Array<number>(first.weight.dims.length - 2).fill(1)];
  const limit = (name: string, bound: number): string => {
    const constant = changes.fresh(`${name}_bound`);
    changes.addInitializer(
      floatTensor(
        constant,
        Float32Array.from(factors, (factor) => bound / factor),
        dims,
      ),
    );
    return constant;
  };
  const steps: [opType: string, bound: number][] = [];
  if (bounds.min !== -Infinity) steps.push([bounds.min === 0 ? 'Relu' : 'Max', bounds.min]);
  if (bounds.max !== Infinity) steps.push(['Min', bounds.max]);
  const [output = ''] = clip.node.output;
  let value = clip.node.input[0] ?? '';
  const nodes = steps.map(([opType, bound], at) => {
    const name = changes.fresh(`${clip.name}_${opType}`);
    const input = opType === 'Relu' ? [value] : [value, limit(name, bound)];
    value = at === steps.length - 1 ? output : changes.fresh(`${output}_${opType}`);
    return makeNode({ opType, name, input, output: [value] });
  });
  changes.replace(clip.node, ...nodes);
}
