/** What an explanation says in words. Pure. */
import type { CauseKind, LayerExplanation } from '../../src/core/explainResults';
import { formatDb, formatInteger, formatNumber, formatPercent } from '../../src/shared/format';
import { withError } from '../numberText';
import { METRICS } from '../tree/sensitivity';

export const CAUSE_LABELS: Readonly<Record<CauseKind, string>> = {
  clipping: 'Clipping',
  rounding: 'Rounding',
  channelSpread: 'Channel spread',
  activationRange: 'Activation range',
  interaction: 'Interaction',
  propagation: 'Propagation',
};

/** `As w8a8: KL 0.012 ± 0.001, the worst of 18 layers.` */
export function standingText({ scheme, measured }: LayerExplanation): string {
  if (!measured) return `As ${scheme}. Not measured yet: a scan tells what it does to the output.`;
  const { metric, sensitivity, standardError, rank, of } = measured;
  const place = rank === 1 ? 'the worst' : `number ${formatInteger(rank)}`;
  return `As ${scheme}: ${METRICS[metric]} ${withError(sensitivity, standardError)}, ${place} of ${formatInteger(of)} layers.`;
}

/** What is known of the weight and of each activation, as name and value. */
export function errorFacts({ weight, activations }: LayerExplanation): { name: string; value: string }[] {
  return [
    ...(weight
      ? [
          {
            name: 'Weight',
            value: `${formatDb(weight.sqnrDb)}, ${partsText(weight)}; the widest channel is ${formatNumber(weight.channelSpread)} × the median one`,
          },
        ]
      : []),
    ...activations.map((activation) => ({
      name: activation.role === 'input' ? 'Input' : 'Output',
      value: `${activation.value}: ${formatDb(activation.sqnrDb)}, ${partsText(activation)}; its largest value is ${formatNumber(activation.tail)} × the 99.9th percentile`,
    })),
  ];
}

function partsText({ clipping, rounding }: { clipping: number; rounding: number }): string {
  return `${formatPercent(clipping)} clipping, ${formatPercent(rounding)} rounding`;
}
