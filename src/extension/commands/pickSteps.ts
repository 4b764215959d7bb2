import * as vscode from 'vscode';
import type { RecoverStep } from '../../core/plan/types';
import { type StepItem, withoutExcluded } from './compensationSteps';

/**
 * Lets the user choose what makes up for the errors of weights.
 * @param items to choose from. @param before selected at first.
 * @returns undefined when the user gave up.
 */
export function pickSteps(
  { title, placeholder }: { readonly title: string; readonly placeholder: string },
  items: readonly StepItem[],
  before: readonly RecoverStep[],
): Promise<readonly RecoverStep[] | undefined> {
  const pick = vscode.window.createQuickPick<StepItem>();
  pick.title = title;
  pick.placeholder = placeholder;
  pick.canSelectMany = true;
  pick.matchOnDescription = true;
  pick.ignoreFocusOut = true;
  pick.items = items;
  let selected = items.filter(({ step }) => before.includes(step));
  pick.selectedItems = selected;
  return new Promise((resolve) => {
    pick.onDidChangeSelection((chosen) => {
      const kept = withoutExcluded(chosen, selected);
      selected = [...kept];
      if (kept.length < chosen.length) pick.selectedItems = kept;
    });
    pick.onDidAccept(() => {
      resolve(selected.map(({ step }) => step));
      pick.hide();
    });
    pick.onDidHide(() => {
      resolve(undefined);
      pick.dispose();
    });
    pick.show();
  });
}
