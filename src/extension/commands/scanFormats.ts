import * as vscode from 'vscode';
import { formatItems, rememberedFormats } from './formatItems';

const KEY = 'roundoff.scanFormats';

/** The formats that scans and searches try, remembered in the workspace. */
export class ScanFormats {
  constructor(private readonly memory: vscode.Memento) {}

  /** Those of the last time. */
  get remembered(): string[] {
    return rememberedFormats(this.memory.get(KEY));
  }

  /** Lets the user choose. @returns undefined when the user gave up. */
  async ask(title: string): Promise<string[] | undefined> {
    const picked = await vscode.window.showQuickPick(formatItems(this.remembered), {
      title,
      placeHolder: 'Formats to try for each layer',
      canPickMany: true,
      matchOnDescription: true,
      ignoreFocusOut: true,
    });
    if (!picked) return undefined;
    if (picked.length === 0) {
      void vscode.window.showInformationMessage('Nothing to do: no format was chosen.');
      return undefined;
    }
    const formats = picked.map(({ label }) => label);
    await this.memory.update(KEY, formats);
    return formats;
  }
}
