import { InvalidArgumentError, type Command } from 'commander';
import { presets, withPreset, type Preset } from '../core/plan/presets';
import type { Plan } from '../core/plan/types';
import type { PresetFigure } from '../core/results';
import { callEngine } from './callEngine';
import { type CliIo, UsageError } from './cliIo';
import type { DataOptions } from './optionValues';
import { nonNegative, positiveInteger } from './optionValues';
import { dataRequest } from './planOptions';

export interface PresetOptions {
  preset?: Preset;
  bits?: number;
  margin?: number;
}

export function addPresetOptions(command: Command): Command {
  return command
    .option(
      '--preset <name>',
      'fill the plan: naive (one scheme everywhere), hybrid (float where the scheme costs far more than elsewhere), ' +
        'selective (of each layer the scheme with the least error at its output; needs data)',
      presetName,
    )
    .option('--bits <n>', 'of selective: bits per weight, 4 to 8 (default: 4)', positiveInteger)
    .option(
      '--margin <db>',
      'of hybrid: dB below the median that keep a layer float (default: 6)',
      nonNegative,
    );
}

function presetName(text: string): Preset {
  const preset = presets.find((name) => name === text);
  if (!preset) throw new InvalidArgumentError('It must be naive, hybrid or selective.');
  return preset;
}

/** @throws UsageError for an option of a preset that was not asked for. */
export function checkPresetOptions({ preset, bits, margin }: PresetOptions): void {
  if (bits !== undefined && preset !== 'selective') throw new UsageError('--bits is for --preset selective.');
  if (margin !== undefined && preset !== 'hybrid') throw new UsageError('--margin is for --preset hybrid.');
}

/** What a preset made of a plan. */
export interface PresetResult {
  readonly plan: Plan;
  readonly notes: readonly string[];
}

/** The plan with the entries that the preset chooses; --layer and --exclude come after it. */
export async function applyPreset(
  file: string,
  plan: Plan,
  preset: Preset,
  options: PresetOptions & DataOptions & { plan?: string },
  io: CliIo,
): Promise<PresetResult> {
  const { layers, figures, notes } = await callEngine(io, 'presetPlan', {
    file,
    plan,
    preset,
    calibration: dataRequest(options, plan),
    ...(options.bits !== undefined && { bits: options.bits }),
    ...(options.margin !== undefined && { marginDb: options.margin }),
  });
  return { plan: withPreset(plan, preset, layers), notes: [...notes, describe(preset, figures)] };
}

function describe(preset: Preset, figures: readonly PresetFigure[]): string {
  const counts = new Map<string, number>();
  for (const { format } of figures) counts.set(format, (counts.get(format) ?? 0) + 1);
  const parts = [...counts].sort(([, a], [, b]) => b - a).map(([format, count]) => `${count} × ${format}`);
  return `Preset ${preset}: ${parts.join('; ')}.`;
}
