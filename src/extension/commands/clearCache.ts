import * as vscode from 'vscode';
import { clearCache } from '../../engine/cache/cacheContents';
import type { EngineHost } from '../engineHost';
import { describeCleared } from './messages';

/** Deletes the results that scans and searches have kept on disk. What is shown stays. */
export async function clearCachedResults(engine: EngineHost, folder: string): Promise<void> {
  const sentence = describeCleared(await clearCache(folder));
  engine.log(sentence);
  void vscode.window.showInformationMessage(sentence);
}
