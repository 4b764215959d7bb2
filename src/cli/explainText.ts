import type { LayerExplanation } from '../core/explainResults';
import { bytesText, decibelText, percentText, table } from './text';

/** What `roundoff explain` prints of one layer. */
export function explanationText(explained: LayerExplanation): string {
  const { layer, scheme, causes, remedies } = explained;
  const lines = [
    `${layer} as ${scheme}`,
    ...figures(explained).map((line) => `  ${line}`),
    '',
    causes.length > 0 ? 'Why it hurts, the heaviest first:' : 'Nothing speaks against this format here.',
    ...causes.map(({ text }) => `  - ${text}`),
    '',
    remedies.length > 0 ? 'What would do better:' : 'Nothing tried would do better.',
    ...(remedies.length > 0 ? [remedyTable(explained)] : []),
  ];
  return `${lines.join('\n')}\n`;
}

function figures({ measured, weight, activations }: LayerExplanation): string[] {
  const lines: string[] = [];
  if (measured) {
    const { metric, sensitivity, standardError, rank, of } = measured;
    const error = standardError === null ? '' : ` ± ${standardError.toExponential(0)}`;
    const place = of > 1 ? `, number ${rank} of ${of} measured layers` : '';
    lines.push(`sensitivity (${metric}): ${sensitivity.toExponential(2)}${error}${place}`);
  }
  if (weight) {
    const { sqnrDb, clipping, rounding, channelSpread, worstChannels } = weight;
    lines.push(
      `weight: ${decibelText(sqnrDb)}, clipping ${percentText(clipping)}, rounding ${percentText(rounding)} of the error, ` +
        `widest channel ${channelSpread.toFixed(1)} × the median`,
    );
    if (worstChannels.length > 0) {
      const named = worstChannels.map(({ channel, share }) => `${channel} (${percentText(share)})`);
      lines.push(`output channels with most of the error: ${named.join(', ')}`);
    }
  }
  for (const { role, value, sqnrDb, clipping, rounding, tail } of activations) {
    lines.push(
      `${role} ${value}: ${decibelText(sqnrDb)}, clipping ${percentText(clipping)}, rounding ${percentText(rounding)} of the error, ` +
        `reaches ${tail.toFixed(1)} × its 99.9th percentile (from a histogram)`,
    );
  }
  return lines;
}

function remedyTable({ remedies }: LayerExplanation): string {
  const rows = remedies.map(({ scheme, sensitivity, weightSqnrDb, bytes, text }) => [
    `  ${scheme}`,
    sensitivity === null ? '' : sensitivity.toExponential(2),
    decibelText(weightSqnrDb),
    bytesText(bytes),
    text,
  ]);
  return table(['  format', 'sensitivity', 'weight', 'bytes', ''], rows, new Set([1, 2, 3]));
}
