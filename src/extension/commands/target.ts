/** What a command works on: the model of an open editor, or a file that the user names. */
import { basename, dirname, isAbsolute, join, posix } from 'node:path';
import * as vscode from 'vscode';
import { InputError } from '../../core/errors';
import type { CalibrationRecipe, Plan } from '../../core/plan/types';
import type { DataRequest, ModelRequest } from '../../shared/rpc';
import type { ModelDocument } from '../editor/modelDocument';
import type { ModelEditorProvider } from '../editor/modelEditorProvider';
import { calibrationEdit } from '../editor/planEdit';
import { planUriFor, readPlan } from '../editor/planStore';

export interface Target {
  readonly uri: vscode.Uri;
  readonly name: string;
  /** The open editor's document; undefined when the model is only a file. */
  readonly document?: ModelDocument;
  /** Now, with unsaved changes. */
  readonly plan: () => Plan;
  readonly setCalibration: (recipe: CalibrationRecipe) => void;
}

/**
 * @param argument what VS Code passed: the resource of the explorer or the editor title, or nothing.
 * @param prompt the title of the dialog that asks for a file when nothing else tells.
 * @returns undefined when the user gave up.
 */
export async function targetOf(
  provider: ModelEditorProvider,
  argument: unknown,
  prompt: string,
): Promise<Target | undefined> {
  if (argument instanceof vscode.Uri) return targetAt(provider, argument);
  if (provider.active) return documentTarget(provider.active);
  const uri = await askForModel(prompt);
  return uri && targetAt(provider, uri);
}

export async function askForModel(prompt: string): Promise<vscode.Uri | undefined> {
  const folder = vscode.workspace.workspaceFolders?.[0]?.uri;
  const [uri] =
    (await vscode.window.showOpenDialog({
      title: prompt,
      openLabel: 'Choose',
      filters: { 'ONNX models': ['onnx'] },
      ...(folder ? { defaultUri: folder } : {}),
    })) ?? [];
  return uri;
}

async function targetAt(provider: ModelEditorProvider, uri: vscode.Uri): Promise<Target> {
  const document = provider.documentOf(uri.toString());
  return document ? documentTarget(document) : fileTarget(uri);
}

export function documentTarget(document: ModelDocument): Target {
  return {
    uri: document.uri,
    name: document.session.place.name,
    document,
    plan: () => document.session.plan,
    setCalibration: (recipe) => document.edit(calibrationEdit(document.session.plan, recipe)),
  };
}

/** A model without an editor: its plan is the one on disk, and what is chosen holds for this run only. */
async function fileTarget(uri: vscode.Uri): Promise<Target> {
  const { plan: stored, error } = await readPlan(planUriFor(uri));
  if (error !== null) throw new InputError(error);
  let plan = stored;
  return {
    uri,
    name: posix.basename(uri.path),
    plan: () => plan,
    setCalibration: (calibration) => {
      plan = { ...plan, calibration };
    },
  };
}

export function modelRequest({ uri, plan }: Target): ModelRequest {
  const { dimensions } = plan();
  return dimensions ? { file: uri.fsPath, dimensions: { ...dimensions } } : { file: uri.fsPath };
}

/** The recipe of the target's plan as the engine wants it. */
export function dataRequest({ uri, plan }: Target): DataRequest | undefined {
  const { calibration } = plan();
  if (!calibration) return undefined;
  const { data, samples, seed } = calibration;
  const local = data === 'random' || isAbsolute(data) ? data : join(dirname(uri.fsPath), data);
  return { data: local, samples, seed };
}

/** `dir/model.onnx` → `dir/model.w8a8.onnx`. */
export function defaultOutput(uri: vscode.Uri, scheme: string): vscode.Uri {
  const stem = basename(uri.path).replace(/\.onnx$/i, '');
  return vscode.Uri.joinPath(uri, '..', `${stem}.${scheme}.onnx`);
}
