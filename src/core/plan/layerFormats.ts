import { InputError } from '../errors';
import { entriesOf } from './presets';
import type { Plan } from './types';
import { parseFormat } from '../quant/layerFormat';

/** Layer → format with options, as the command line takes it. */
export type LayerFormats = Readonly<Record<string, string>>;

/**
 * The plan in which the layers have these formats. Other layers keep their entries, and are float where they have none: a
 * search measures its layers against the float model.
 * @throws InputError for a text that is no format.
 */
export function withFormats(plan: Plan, formats: LayerFormats): Plan {
  const { defaultOptions: _, ...rest } = plan;
  const picks = Object.entries(formats).map(([layer, text]) => {
    const format = parseFormat(text);
    if ('mistake' in format) throw new InputError(format.mistake);
    return { layer, format };
  });
  return { ...rest, defaultScheme: 'float', layers: { ...plan.layers, ...entriesOf(picks) } };
}

/** All these layers in one format. */
export function allIn(layers: readonly string[], format: string): LayerFormats {
  return Object.fromEntries(layers.map((layer) => [layer, format]));
}

/** Format → layers that have it, the most frequent first. */
export function formatCounts(formats: LayerFormats): [string, number][] {
  const counts = new Map<string, number>();
  for (const format of Object.values(formats)) counts.set(format, (counts.get(format) ?? 0) + 1);
  return [...counts].sort(([, a], [, b]) => b - a);
}
