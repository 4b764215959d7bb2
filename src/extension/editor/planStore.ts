/** The plan file on disk, through `workspace.fs` so that it works on every file system. */
import { posix } from 'node:path';
import * as vscode from 'vscode';
import { RoundoffError } from '../../core/errors';
import { defaultPlan, parsePlan, planPathFor, serializePlan } from '../../core/plan/planFile';
import type { Plan } from '../../core/plan/types';

/** `…/model.onnx` → `…/model.quant.json`, query and fragment dropped. */
export function planUriFor(model: vscode.Uri): vscode.Uri {
  return model.with({ path: planPathFor(model.path), query: '', fragment: '' });
}

export interface StoredPlan {
  readonly plan: Plan;
  /** What is wrong with the file; its plan is the default one then. */
  readonly error: string | null;
  /** The text on disk; undefined when there is no file. */
  readonly text: string | undefined;
}

/** Reads the plan beside a model. A file that is not there is a default plan; a wrong one says why. */
export async function readPlan(uri: vscode.Uri): Promise<StoredPlan> {
  const text = await readText(uri);
  if (text === undefined) return { plan: defaultPlan, error: null, text };
  try {
    return { plan: parsePlan(text, posix.basename(uri.path)), error: null, text };
  } catch (error) {
    if (!(error instanceof RoundoffError)) throw error;
    return { plan: defaultPlan, error: error.message, text };
  }
}

/** @returns undefined when there is no such file. */
export async function readText(uri: vscode.Uri): Promise<string | undefined> {
  try {
    return new TextDecoder().decode(await vscode.workspace.fs.readFile(uri));
  } catch (error) {
    if (error instanceof vscode.FileSystemError && error.code === 'FileNotFound') return undefined;
    throw error;
  }
}

/**
 * Writes through a temporary file in the same folder and a rename, so that a failure leaves the old plan.
 * @returns the text written.
 */
export async function writePlan(uri: vscode.Uri, plan: Plan): Promise<string> {
  const text = serializePlan(plan);
  const temporary = uri.with({ path: `${uri.path}.${crypto.randomUUID().slice(0, 8)}.tmp` });
  try {
    await vscode.workspace.fs.writeFile(temporary, new TextEncoder().encode(text));
    await vscode.workspace.fs.rename(temporary, uri, { overwrite: true });
  } catch (error) {
    await vscode.workspace.fs.delete(temporary).then(undefined, () => undefined);
    const why = error instanceof Error ? error.message : String(error);
    throw new RoundoffError(`The plan could not be written to ${posix.basename(uri.path)}: ${why}`);
  }
  return text;
}
