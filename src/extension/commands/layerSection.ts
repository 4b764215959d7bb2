import type { LayerComparison, LayerDifference } from '../../core/compareResults';
import { layerErrorChart } from '../../shared/charts/layerErrorChart';
import { formatDb, plural } from '../../shared/format';
import { inline, markdownTable } from '../../shared/report/markdownText';
import type { Figures } from './figures';

/** Layers in chart and table, and names in a list, at most: a preview is to be read, and to stay quick. */
const MOST_LAYERS = 500;
export const MOST_UNMATCHED = 30;
/** Layers that the text names. */
const TOLD_LAYERS = 3;

/** The error of each layer along the depth, alone and accumulated, as chart and table. Free of vscode. */
export function layerSection(
  comparison: LayerComparison | { readonly reason: string },
  figures: Figures,
): string[] {
  if ('reason' in comparison) return ['## Layers', `Not compared. ${inline(comparison.reason)}`];
  const { layers, samples, slice, unmatched } = comparison;
  const shown = worstInOrder(layers);
  const left = layers.length - shown.length;
  const some = left > 0 ? ` The ${shown.length} of ${layers.length} with the least SQNR are shown.` : '';
  const where = `${plural(samples, 'sample')}${slice === 'verify' ? ' of the verify slice' : ''}`;
  const hasReasons = shown.some(({ reason }) => reason !== undefined);
  return [
    '## Layers',
    `SQNR of what each layer gives: alone, fed with what A gives to it; and accumulated, with the errors of all layers before it. ${where}, quantization simulated.${some}`,
    ...worstText(layers),
    figures.add(
      'Error by layer',
      layerErrorChart(
        shown.map(({ layer, accumulated, local }) => ({
          layer,
          accumulated: accumulated ? accumulated.sqnrDb : undefined,
          local: local ? local.sqnrDb : undefined,
        })),
      ),
    ),
    markdownTable(
      ['Layer', 'Op', 'Alone', 'Accumulated', ...(hasReasons ? ['Remark'] : [])],
      shown.map(({ layer, op, accumulated, local, reason }) => [
        layer,
        op,
        local ? formatDb(local.sqnrDb) : '–',
        accumulated ? formatDb(accumulated.sqnrDb) : '–',
        ...(hasReasons ? [reason ?? ''] : []),
      ]),
    ),
    ...unmatchedList('A', unmatched.a),
    ...unmatchedList('B', unmatched.b),
  ];
}

/** In the order of computation; of many those that lose most, alone or accumulated. */
export function worstInOrder(layers: readonly LayerDifference[]): readonly LayerDifference[] {
  if (layers.length <= MOST_LAYERS) return layers;
  const kept = new Set(layers.toSorted((one, other) => least(one) - least(other)).slice(0, MOST_LAYERS));
  return layers.filter((layer) => kept.has(layer));
}

/** dB; what is identical or unknown comes last. */
function least({ accumulated, local }: LayerDifference): number {
  return Math.min(accumulated?.sqnrDb ?? Infinity, local?.sqnrDb ?? Infinity);
}

function worstText(layers: readonly LayerDifference[]): string[] {
  const worst = layers
    .flatMap(({ layer, local }) =>
      local === null || local.sqnrDb === null ? [] : [{ layer, db: local.sqnrDb }],
    )
    .sort((one, other) => one.db - other.db)
    .slice(0, TOLD_LAYERS);
  if (worst.length === 0) return [];
  const told = worst.map(({ layer, db }) => `${inline(layer)} (${formatDb(db)})`);
  return [`Alone lose most: ${told.join(', ')}.`];
}

function unmatchedList(side: string, layers: LayerComparison['unmatched']['a']): string[] {
  if (layers.length === 0) return [];
  const shown = layers.slice(0, MOST_UNMATCHED);
  const more = layers.length - shown.length;
  return [
    `Layers of ${side} without a counterpart:`,
    [
      ...shown.map(({ layer, reason }) => `- ${inline(layer)}: ${inline(reason)}`),
      ...(more > 0 ? [`- and ${more} more`] : []),
    ].join('\n'),
  ];
}
