import * as vscode from 'vscode';
import {
  entriesOf,
  naivePicks,
  OVERHEAD_BITS,
  presets,
  SELECTIVE_RANGE,
  withPreset,
  type Preset,
} from '../../core/plan/presets';
import type { Plan, PlanEntry } from '../../core/plan/types';
import { formatText, optionsIn, type LayerFormat } from '../../core/quant/layerFormat';
import type { PresetFigure } from '../../core/results';
import type { ModelDocument } from '../editor/modelDocument';
import { replaceEdit } from '../editor/planEdit';
import type { EngineHost } from '../engineHost';
import { withProgress } from '../notify';
import { mayRun } from '../trust';
import { chooseData } from './chooseData';
import { describePreset } from './messages';
import { pickFormat } from './quantizeWith';
import { documentTarget } from './target';

const TITLE = 'Apply Preset';

const descriptions: Readonly<Record<Preset, string>> = {
  naive: 'one scheme for every layer',
  hybrid: 'one scheme, or float for layers that lose far more than others',
  selective: 'for each layer the scheme of least error at its output; needs calibration data',
};

/** Bits per weight on offer, all within SELECTIVE_RANGE. */
const bitChoices: readonly (readonly [bits: number, description: string])[] = [
  [SELECTIVE_RANGE.least, `4-bit codes; scales and tables take at most ${OVERHEAD_BITS} bits more`],
  [5, '4-bit codes with smaller blocks'],
  [6, '4-bit codes, any granularity'],
  [SELECTIVE_RANGE.most, 'also 8-bit codes'],
];

/** What a preset is asked for. */
interface PresetChoice {
  readonly preset: Preset;
  readonly format?: LayerFormat;
  readonly bits?: number;
}

/** Lets the user fill the whole plan by a preset, as one edit. */
export async function applyPreset(engine: EngineHost, document: ModelDocument): Promise<void> {
  const { session } = document;
  await session.loaded();
  const layers = session.quantizable.size;
  if (layers === 0) {
    void vscode.window.showInformationMessage(`${session.place.name} has no layer that can be quantized.`);
    return;
  }
  const choice = await askChoice(layers);
  if (!choice) return;
  if (choice.preset === 'naive' && choice.format) {
    const entries = entriesOf(naivePicks([...session.quantizable], choice.format));
    await fill(engine, document, choice, { layers: entries, figures: [], notes: [] });
    return;
  }
  if (!(await mayRun(document.uri))) return;
  const needsData = choice.preset === 'selective' && !session.dataRequest();
  if (needsData && !(await chooseData(engine, documentTarget(document)))) return;
  await measure(engine, document, choice);
}

async function askChoice(layers: number): Promise<PresetChoice | undefined> {
  const picked = await vscode.window.showQuickPick(
    presets.map((label) => ({ label, description: descriptions[label] })),
    { title: TITLE, placeHolder: 'How the schemes of all layers are chosen' },
  );
  if (!picked) return undefined;
  const preset = picked.label;
  if (preset === 'selective') {
    const bits = await askBits();
    return bits === undefined ? undefined : { preset, bits };
  }
  const format = await pickFormat(layers);
  return format && { preset, format };
}

async function askBits(): Promise<number | undefined> {
  const picked = await vscode.window.showQuickPick(
    bitChoices.map(([bits, description]) => ({ label: `${bits} bits`, description, bits })),
    { title: TITLE, placeHolder: 'Bits per weight', ignoreFocusOut: true },
  );
  return picked?.bits;
}

async function measure(engine: EngineHost, document: ModelDocument, choice: PresetChoice): Promise<void> {
  const { session } = document;
  const calibration = session.dataRequest();
  const request = {
    ...session.request(),
    plan: session.plan,
    ...choice,
    ...(calibration && { calibration }),
  };
  const filled = await withProgress(
    `Applying the preset ${choice.preset} to ${session.place.name}`,
    (signal, onProgress) => engine.call('presetPlan', request, { signal, onProgress }),
    () => measure(engine, document, choice),
  );
  // The editor may have been closed meanwhile.
  if (filled && !document.closed) await fill(engine, document, choice, filled);
}

interface Filling {
  readonly layers: Readonly<Record<string, PlanEntry>>;
  readonly figures: readonly PresetFigure[];
  readonly notes: readonly string[];
}

async function fill(
  engine: EngineHost,
  document: ModelDocument,
  { preset, format, bits }: PresetChoice,
  { layers, figures, notes }: Filling,
): Promise<void> {
  const before = document.session.plan;
  const next = withPreset(format ? withDefault(before, format) : before, preset, layers);
  const what = format ? formatText(format) : `${bits ?? ''} bits`;
  document.edit(replaceEdit(before, next, `Apply Preset: ${preset}, ${what}`));
  const formats = Object.values(layers).map((entry) => formatText(entry));
  const random = before.calibration?.data === 'random' && preset !== 'naive';
  const { sentence, details } = describePreset(preset, formats, figures, notes, random);
  engine.log(sentence);
  for (const line of details) engine.log(`  ${line}`);
  const actions = details.length > 0 ? ['Show Log'] : [];
  if (await vscode.window.showInformationMessage(sentence, ...actions)) engine.showLog();
}

/** So that the file is called after the scheme, and layers of a later export follow it. */
function withDefault(plan: Plan, format: LayerFormat): Plan {
  const { defaultOptions: _, ...rest } = plan;
  const options = optionsIn(format);
  return {
    ...rest,
    defaultScheme: format.scheme,
    ...(Object.keys(options).length > 0 && { defaultOptions: options }),
  };
}
