import * as vscode from 'vscode';
import { rowFormatOf } from '../../core/plan/editPlan';
import type { LayerFormat } from '../../core/quant/layerFormat';
import type { ModelDocument } from '../editor/modelDocument';
import { compensationEdit } from '../editor/planEdit';
import type { EngineHost } from '../engineHost';
import { hasFewCodes, stepItems, stepsText, suggestedSteps } from './compensationSteps';
import { pickSteps } from './pickSteps';
import { writeQuantized } from './quantize';
import { pickFormat } from './quantizeWith';
import { documentTarget } from './target';

const TITLE = 'Quantize with Compensation';
const WRITE = 'Write Quantized Model…';

/**
 * Lets the user choose what makes up for the errors of quantized weights, as one edit of the plan, and offers to write the model.
 * When none of the layers has fewer than 8 bits, their scheme is asked for first.
 * @param names of the layers that are meant; the steps hold for the whole plan.
 */
export async function compensate(
  engine: EngineHost,
  document: ModelDocument,
  names: readonly string[],
): Promise<void> {
  const { session } = document;
  await session.loaded();
  const layers = names.filter((name) => session.quantizable.has(name));
  if (layers.length === 0) {
    void vscode.window.showInformationMessage('Nothing to compensate: no layer here can be quantized.');
    return;
  }
  const formats = layers.map((name) => rowFormatOf(session.plan, name, true));
  let format: LayerFormat | undefined;
  if (!formats.some(hasFewCodes)) {
    format = await pickFormat(layers.length);
    if (!format) return;
  }
  const { recover } = session.plan;
  const question = { title: TITLE, placeholder: 'What makes up for rounding, in the whole plan' };
  const before = recover?.steps ?? suggestedSteps(format ? [format] : formats);
  const steps = await pickSteps(question, stepItems, before);
  // The editor may have been closed meanwhile.
  if (!steps || document.closed) return;
  const { plan, hashes } = session;
  const isSame = steps.join() === (plan.recover?.steps ?? []).join();
  if (format || !isSame) {
    document.edit(compensationEdit(plan, format && { names: layers, format, hashes }, steps));
  }
  const sentence =
    steps.length > 0
      ? `When the model is written, ${stepsText(steps)} make${steps.length > 1 ? '' : 's'} up for what rounding its weights loses.`
      : 'The plan rounds all weights to the nearest.';
  const choice = await vscode.window.showInformationMessage(sentence, WRITE);
  if (choice === WRITE) await writeQuantized(engine, documentTarget(document), { askData: false });
}

/** For every layer of the model. */
export async function compensateAll(engine: EngineHost, document: ModelDocument): Promise<void> {
  await document.session.loaded();
  await compensate(engine, document, [...document.session.quantizable]);
}
