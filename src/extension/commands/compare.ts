import { basename } from 'node:path';
import * as vscode from 'vscode';
import { planWord } from '../../core/plan/editPlan';
import type { ComparisonPanels } from '../comparison/comparisonPanels';
import type { EngineHost } from '../engineHost';
import { withProgress } from '../notify';
import { mayRun } from '../trust';
import { chooseData } from './chooseData';
import { askOther, type Other } from './compareOther';
import { measureComparison } from './measureComparison';
import { dataRequest, defaultOutput, modelRequest, type Target } from './target';

/** What comparing works with. */
export interface CompareTools {
  readonly engine: EngineHost;
  readonly comparisons: ComparisonPanels;
}

/** Compares the target with another model, or with what its plan makes of it, on the target's data, and shows what came out. */
export async function compareWith(tools: CompareTools, target: Target): Promise<void> {
  if (!(await mayRun(target.uri))) return;
  const other = await askOther(target);
  if (other) await compareTo(tools, target, other);
}

/** As `compareWith`, when it is known what with. */
export async function compareTo(tools: CompareTools, target: Target, other: Other): Promise<void> {
  if (!(await mayRun(target.uri)) || (other !== 'plan' && !(await mayRun(other)))) return;
  if (other !== 'plan' && other.toString() === target.uri.toString()) {
    void vscode.window.showInformationMessage(`${target.name} is selected already: choose another model.`);
    return;
  }
  if (!dataRequest(target) && !(await chooseData(tools.engine, target))) return;
  await measure(tools, target, other);
}

async function measure(tools: CompareTools, target: Target, other: Other): Promise<void> {
  const calibration = dataRequest(target);
  if (!calibration) return;
  const plan = target.plan();
  const planned = { plan, name: basename(defaultOutput(target.uri, planWord(plan)).path) };
  const request = {
    ...modelRequest(target),
    calibration,
    outputs: plan.outputs,
    cache: target.document?.session.place.cache,
    other: other === 'plan' ? planned : { file: other.fsPath },
  };
  const name = other === 'plan' ? 'its plan' : basename(other.fsPath);
  const comparison = await withProgress(
    `Comparing ${target.name} with ${name}`,
    (signal, onProgress) => measureComparison(tools.engine, request, { signal, onProgress }),
    () => measure(tools, target, other),
  );
  if (!comparison) return;
  await tools.comparisons.show({
    comparison,
    name: `${target.name} against ${name}`,
    model: modelRequest(target),
    calibration,
    uri: target.uri.toString(),
  });
}

const SELECTED = 'roundoff.isSelectedForCompare';

/** The file of the explorer that another one will be compared with. */
export class CompareSelection {
  #selected: vscode.Uri | undefined;

  get selected(): vscode.Uri | undefined {
    return this.#selected;
  }

  /** From now on the menu of other models offers to compare with it. */
  async select(uri: vscode.Uri): Promise<void> {
    this.#selected = uri;
    await vscode.commands.executeCommand('setContext', SELECTED, true);
  }
}
