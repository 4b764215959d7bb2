import * as vscode from 'vscode';
import type { SearchGoal } from '../../core/searchResults';
import type { ModelDocument } from '../editor/modelDocument';
import { outputsOf } from '../editor/modelOutputs';
import type { EngineHost } from '../engineHost';
import { withProgress } from '../notify';
import { describeSearch } from './messages';
import { hasData, isReadyToRun } from './scan';
import type { ScanChoice, ScanFormats } from './scanFormats';
import { goalChoices, type GoalChoice } from './searchGoals';

const TITLE = 'Search Hybrid Plan';

/** Asks for a goal and formats, and searches the plan that fits best; the points fill the open view while it runs. */
export async function searchPlan(
  engine: EngineHost,
  document: ModelDocument,
  formats: ScanFormats,
): Promise<void> {
  if (!(await isReadyToRun(document, [...document.session.quantizable]))) return;
  const goal = await askGoal(document);
  const choice = goal && (await formats.ask(TITLE));
  if (goal && choice && (await hasData(engine, document))) await run(engine, document, goal, choice);
}

async function askGoal({ session }: ModelDocument): Promise<SearchGoal | undefined> {
  const { summary, plan, quantizable, data } = session;
  if (!summary) return undefined;
  const choices = goalChoices({
    bytes: summary.bytes,
    layers: quantizable.size,
    outputs: outputsOf(summary, plan),
    hasLabels: data ? data.labels !== null : undefined,
  });
  const choice = await vscode.window.showQuickPick(choices, {
    title: TITLE,
    placeHolder: 'What the plan must keep to',
    matchOnDescription: true,
    ignoreFocusOut: true,
  });
  return choice && askLimit(choice);
}

async function askLimit({ label, prompt, initial, parse }: GoalChoice): Promise<SearchGoal | undefined> {
  const text = await vscode.window.showInputBox({
    title: `${TITLE}: ${label}`,
    prompt,
    value: initial,
    ignoreFocusOut: true,
    validateInput: (typed) => {
      const goal = parse(typed);
      return 'mistake' in goal ? goal.mistake : undefined;
    },
  });
  const goal = text === undefined ? undefined : parse(text);
  return goal && 'mistake' in goal ? undefined : goal;
}

async function run(
  engine: EngineHost,
  document: ModelDocument,
  goal: SearchGoal,
  tried: ScanChoice,
): Promise<void> {
  const { measurements, place } = document.session;
  const result = await withProgress(
    `Searching a plan for ${place.name}`,
    (signal, onProgress) =>
      measurements.search(goal, tried.schemes, { recover: tried.recover, signal, onProgress }),
    () => run(engine, document, goal, tried),
  );
  if (!result) return;
  const sentence = describeSearch(result);
  engine.log(sentence);
  for (const note of result.notes) engine.log(`  ${note}`);
  // The model or its data may have changed meanwhile: then the plan is not for what is shown now.
  const id = document.closed ? null : measurements.searched.idOf(result.chosen);
  const actions = [...(id === null ? [] : ['Apply Plan']), ...(result.notes.length > 0 ? ['Show Log'] : [])];
  const show = result.met ? vscode.window.showInformationMessage : vscode.window.showWarningMessage;
  const choice = await show(sentence, ...actions);
  if (choice === 'Apply Plan' && id !== null && !document.closed) document.applyPoint(id);
  if (choice === 'Show Log') engine.showLog();
}
