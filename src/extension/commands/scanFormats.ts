import * as vscode from 'vscode';
import type { RecoverStep } from '../../core/plan/types';
import { parseFormat } from '../../core/quant/layerFormat';
import { loneStepItems, rememberedSteps, suggestedSteps } from './compensationSteps';
import { formatItems, rememberedFormats } from './formatItems';
import { pickSteps } from './pickSteps';

const KEY = 'roundoff.scanFormats';
const STEPS_KEY = 'roundoff.scanSteps';

/** What a scan or a search tries. */
export interface ScanChoice {
  readonly schemes: readonly string[];
  /** What chooses the codes of weights, each layer on its own; empty: they are the nearest. */
  readonly recover: readonly RecoverStep[];
}

/** The last item of the question for formats, which asks for one thing more. */
const compensating = {
  label: 'Compensate Rounding…',
  description: 'GPTQ and others choose codes that make up for their errors; takes longer',
};

/** The formats that scans and searches try, and how their codes are chosen, remembered in the workspace. */
export class ScanFormats {
  constructor(private readonly memory: vscode.Memento) {}

  /** Those of the last time. */
  get remembered(): ScanChoice {
    return {
      schemes: rememberedFormats(this.memory.get(KEY)),
      recover: rememberedSteps(this.memory.get(STEPS_KEY)),
    };
  }

  /** Lets the user choose. @returns undefined when the user gave up. */
  async ask(title: string): Promise<ScanChoice | undefined> {
    const before = this.remembered;
    const option = { ...compensating, picked: before.recover.length > 0 };
    const separator = { label: '', kind: vscode.QuickPickItemKind.Separator };
    const picked = await vscode.window.showQuickPick([...formatItems(before.schemes), separator, option], {
      title,
      placeHolder: 'Formats to try for each layer',
      canPickMany: true,
      matchOnDescription: true,
      ignoreFocusOut: true,
    });
    if (!picked) return undefined;
    const schemes = picked.filter((item) => item !== option).map(({ label }) => label);
    if (schemes.length === 0) {
      void vscode.window.showInformationMessage('Nothing to do: no format was chosen.');
      return undefined;
    }
    const isCompensated = picked.includes(option);
    const recover = isCompensated ? await askSteps(title, schemes, before.recover) : [];
    if (!recover) return undefined;
    await this.memory.update(KEY, schemes);
    await this.memory.update(STEPS_KEY, recover);
    return { schemes, recover };
  }
}

function askSteps(
  title: string,
  schemes: readonly string[],
  before: readonly RecoverStep[],
): Promise<readonly RecoverStep[] | undefined> {
  const formats = schemes.map(parseFormat).flatMap((format) => ('mistake' in format ? [] : [format]));
  const question = { title, placeholder: 'What makes up for rounding, in each layer on its own' };
  return pickSteps(question, loneStepItems, before.length > 0 ? before : suggestedSteps(formats));
}
