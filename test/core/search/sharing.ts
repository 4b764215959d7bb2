import { makeGraph, makeModel, makeValueInfo } from '../../../src/core/onnx/build';
import { DataType, type Model } from '../../../src/core/onnx/types';
import { withFormats, type LayerFormats } from '../../../src/core/plan/layerFormats';
import { defaultPlan } from '../../../src/core/plan/planFile';
import type { Plan } from '../../../src/core/plan/types';
import { predictBytes } from '../../../src/core/rewrite/predictBytes';
import { scanFormats } from '../../../src/core/scan/formats';
import { prepareScan } from '../../../src/core/scan/prepareScan';
import { costsOf, type Costs } from '../../../src/core/search/costs';
import { searchLayers, type Picks, type SearchLayer } from '../../../src/core/search/searchLayer';
import { model, node, weights } from '../rewrite/models';

/** Four products in a row; the first three, `a`, `b` and `c`, have one weight of 16 kB. */
export function shared(): Model {
  return model(
    [
      node('MatMul', 'a', ['x', 'w'], ['ha']),
      node('Relu', 'ra', ['ha'], ['ga']),
      node('MatMul', 'b', ['ga', 'w'], ['hb']),
      node('Relu', 'rb', ['hb'], ['gb']),
      node('MatMul', 'c', ['gb', 'w'], ['hc']),
      node('MatMul', 'head', ['hc', 'v'], ['y']),
    ],
    [weights('w', [64, 64]), weights('v', [64, 10], 2)],
    [1, 64],
  );
}

/** A table of 64 kB that an embedding looks up and that the last product has transposed. */
export function tied(): Model {
  const graph = makeGraph({
    node: [
      node('Gather', 'embed', ['table', 'ids'], ['e']),
      node('MatMul', 'mm', ['e', 'w'], ['h']),
      node('Transpose', 'turn', ['table'], ['turned'], { perm: { ints: [1, 0] } }),
      node('MatMul', 'head', ['h', 'turned'], ['y']),
    ],
    initializer: [weights('table', [500, 32]), weights('w', [32, 32], 2)],
    input: [makeValueInfo('ids', DataType.INT64, [1, 6])],
    output: [makeValueInfo('y', DataType.FLOAT)],
  });
  return makeModel(graph, { opset: 17, irVersion: 8 });
}

/** Every choice of options. */
export function allPicks(layers: readonly SearchLayer[]): Picks[] {
  return layers.reduce<Picks[]>(
    (before, { options }) => before.flatMap((picks) => options.map((_, pick) => [...picks, pick])),
    [[]],
  );
}

export interface Searched {
  readonly costs: Costs;
  readonly layers: readonly SearchLayer[];
}

/** What a search knows of a model's layers. @param errorOf of a layer in a format, by position of both. */
export async function searched(
  source: Model,
  schemes: readonly string[],
  {
    plan = defaultPlan,
    names,
    errorOf = () => 1,
  }: {
    readonly plan?: Plan;
    readonly names?: readonly string[];
    readonly errorOf?: (layer: number, format: number) => number;
  } = {},
): Promise<Searched> {
  const formats = scanFormats(schemes);
  const ready = await prepareScan(source, plan, formats, names);
  const texts = formats.map(({ text }) => text);
  const costs = await costsOf(source, ready.index, plan, ready.names, texts, {}, {});
  const candidates = ready.names.flatMap((layer, at) =>
    texts.map((scheme, format) => ({
      layer,
      scheme,
      sensitivity: errorOf(at, format),
      localSqnrDb: null,
      bytes: 0,
    })),
  );
  return { costs, layers: searchLayers(candidates, costs.of, 'kl', ready.names) };
}

/** Of the file that has these formats. */
export async function fileBytes(source: Model, formats: LayerFormats): Promise<number> {
  return (await predictBytes(source, withFormats(defaultPlan, formats))).bytes;
}
