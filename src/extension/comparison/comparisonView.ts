/** What the view of a comparison is told. Free of vscode. */
import type { CompareResult } from '../../core/results';
import type { ComparisonSnapshot, OutputView, SampleRow } from '../../shared/comparisonRpc';
import type { Comparison } from '../commands/compareReport';
import { MOST_UNMATCHED, worstInOrder } from '../commands/layerSection';

/** Of confusions; a message stays below 1 MB. */
const MOST_MISTAKES = 500;

/** @param id names the comparison when its view is made again. */
export function snapshotOf(id: string, comparison: Comparison): ComparisonSnapshot {
  const { result, layers, data, isPlan, notes } = comparison;
  const { slice, samples, latencyMs, peakMemoryBytes, bytes, deflatedBytes } = result;
  const random = data === 'random';
  return {
    id,
    a: baseName(result.a),
    b: baseName(result.b),
    isPlan,
    data: random ? 'random inputs' : baseName(data),
    random,
    slice,
    samples,
    outputs: result.outputs.map(({ details, sample: _sample, ...output }) => ({
      ...output,
      hasDetails: details !== undefined,
    })),
    layers: 'reason' in layers ? layers : layersView(layers),
    costs: { latencyMs, peakMemoryBytes, bytes, deflatedBytes },
    notes: [...notes],
  };
}

function layersView({
  layers,
  samples,
  slice,
  unmatched,
}: Exclude<Comparison['layers'], { readonly reason: string }>): ComparisonSnapshot['layers'] {
  return {
    layers: worstInOrder(layers).map(({ layer, op, accumulated, local, reason }) => ({
      layer,
      op,
      accumulated,
      local,
      ...(reason !== undefined && { reason }),
    })),
    count: layers.length,
    samples,
    slice,
    unmatched: [
      ...unmatched.a.slice(0, MOST_UNMATCHED).map((each) => ({ side: 'A' as const, ...each })),
      ...unmatched.b.slice(0, MOST_UNMATCHED).map((each) => ({ side: 'B' as const, ...each })),
    ],
  };
}

/** Without the class scores of samples, which are asked for one by one. */
export function outputView({ details }: CompareResult['outputs'][number]): OutputView | undefined {
  if (!details) return undefined;
  const { classes, classNames, flipCount, vectors, differences, points, stride, elements } = details;
  const { labelled, kinds, mistakes } = details.confusion;
  return {
    classes,
    classNames,
    flipCount,
    vectors,
    differences,
    points,
    stride,
    elements,
    samples: details.samples
      .map(({ best, ...row }): SampleRow => ({
        ...row,
        a: best?.a[0]?.class ?? null,
        b: best?.b[0]?.class ?? null,
      }))
      .sort(
        (one, other) => other.changed - one.changed || (one.sqnrDb ?? Infinity) - (other.sqnrDb ?? Infinity),
      ),
    labelled,
    mistakes: mistakes.slice(0, MOST_MISTAKES),
    mistakeCount: kinds,
  };
}

function baseName(path: string): string {
  return path.split(/[\\/]/).at(-1) ?? path;
}
