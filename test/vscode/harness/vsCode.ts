import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import type { Frame, Locator, Page } from 'playwright-core';
import { projectRoot } from '../../../scripts/vscode/paths';
import type { VsCodeServer } from '../../../scripts/vscode/server';
import { Dialogs } from './dialogs';
import { descendants, type ProcessInfo } from './processes';
import { QuickInput } from './quickInput';
import { visibleWebview } from './webviewFrame';

/** Where pictures for people go; kept after the tests. */
export const outputFolder = join(projectRoot, 'test-output', 'vscode');

/** Addresses of what runs in a webview: its frames, resources of extensions, and scripts in its HTML (no address). */
const fromWebview = /^$|webview|vscode-resource|vscode-remote-resource/;

/** A running VS Code, driven as its user would: mouse, keyboard, and reading what is on the screen. */
export class VsCode {
  readonly quickInput: QuickInput;
  readonly dialogs: Dialogs;
  private readonly errors: string[] = [];
  private closing = false;

  constructor(
    readonly page: Page,
    private readonly server: VsCodeServer,
    /** The workspace folder on disk, absolute. */
    readonly folder: string,
    private readonly release: () => Promise<void>,
  ) {
    this.quickInput = new QuickInput(page);
    this.dialogs = new Dialogs(page);
    page.on('pageerror', (error) => this.errors.push(error.message));
    page.on('console', (message) => {
      if (message.type() === 'error' && fromWebview.test(message.location().url))
        this.errors.push(message.text());
    });
    void server.closed.then(() => {
      if (this.closing) return;
      console.error(`The VS Code server ${server.ended()} during the test. Its log:\n${server.log()}`);
      // What waits on the page fails now and not at its time limit.
      void page.close();
    });
  }

  /** Absolute path of a file of the workspace. */
  path(name: string): string {
    return join(this.folder, name);
  }

  /** Row of a file in the explorer. */
  explorerRow(name: string): Locator {
    return this.page
      .locator('.explorer-folders-view .monaco-list-row')
      .filter({ has: this.page.locator(`.label-name`, { hasText: new RegExp(`^${escapeRegExp(name)}$`) }) });
  }

  /** Double-clicks a file in the explorer and waits for its tab. */
  async openFile(name: string): Promise<void> {
    await this.explorerRow(name).dblclick();
    await this.tab(name).waitFor();
  }

  /** Runs a command by its title, category included (`View: Toggle Panel`), from the command palette. */
  async command(title: string): Promise<void> {
    await this.quickInput.runCommand(title);
  }

  /** The document of the visible webview. Ask again after a tab was switched or an editor was opened again. */
  async view(): Promise<Frame> {
    return visibleWebview(this.page);
  }

  /** Errors in the console of webviews (violations of the content security policy too) and exceptions nobody caught. */
  viewErrors(): readonly string[] {
    return this.errors;
  }

  /** Right-clicks and returns VS Code's own menu, with its entries (separators left out). */
  async openMenu(target: Locator): Promise<string[]> {
    await target.click({ button: 'right' });
    return this.menuEntries();
  }

  /** Entries of the open menu, however it was opened (Shift+F10, the Menu key). */
  async menuEntries(): Promise<string[]> {
    const labels = this.menu().locator('.action-item:not(.disabled) .action-label:not(.separator)');
    await labels.first().waitFor();
    return labels.allTextContents();
  }

  /** Right-clicks and picks an entry of VS Code's own menu by its exact label. */
  async contextMenu(target: Locator, label: string): Promise<void> {
    await this.openMenu(target);
    await this.pickFromMenu(label);
  }

  async pickFromMenu(label: string): Promise<void> {
    const entry = this.menu()
      .locator('.action-menu-item', { hasText: new RegExp(`^${escapeRegExp(label)}`) })
      .first();
    // VS Code drops a click that comes right after the menu opened; a menu that stays open has not taken it.
    for (let attempt = 1; ; attempt++) {
      await entry.click();
      const closed = this.menu().waitFor({ state: 'hidden', timeout: 1_000 });
      if (attempt === 4) return closed;
      if (
        await closed.then(
          () => true,
          () => false,
        )
      )
        return;
    }
  }

  private menu(): Locator {
    return this.page.locator('.monaco-menu-container, .context-view .monaco-menu').first();
  }

  /** Tab of an editor by its exact name. */
  tab(name: string): Locator {
    return this.page.locator(`.tabs-container .tab[data-resource-name=${JSON.stringify(name)}]`);
  }

  async tabNames(): Promise<string[]> {
    const tabs = await this.page.locator('.tabs-container .tab').all();
    return Promise.all(tabs.map(async (tab) => (await tab.getAttribute('data-resource-name')) ?? ''));
  }

  /** Whether the tab shows the dot of unsaved changes. */
  async isDirty(name: string): Promise<boolean> {
    return ((await this.tab(name).getAttribute('class')) ?? '').split(' ').includes('dirty');
  }

  /** Waits until the tab has (or no longer has) the dot of unsaved changes. */
  async waitForDirty(name: string, dirty: boolean): Promise<void> {
    const states = dirty ? '.tab.dirty' : '.tab:not(.dirty)';
    await this.tab(name).and(this.page.locator(states)).waitFor();
  }

  /** Closes an editor with its button. With unsaved changes a dialog follows: see `dialogs`. */
  async closeTab(name: string): Promise<void> {
    await this.tab(name).hover();
    await this.tab(name).locator('.tab-actions .action-label').click();
  }

  async undo(): Promise<void> {
    await this.page.keyboard.press('ControlOrMeta+z');
  }

  async redo(): Promise<void> {
    await this.page.keyboard.press(process.platform === 'darwin' ? 'Meta+Shift+z' : 'Control+y');
  }

  async save(): Promise<void> {
    await this.page.keyboard.press('ControlOrMeta+s');
  }

  /** Texts of the status bar's entries. */
  async statusBar(): Promise<string[]> {
    return this.page.locator('.statusbar-item').allInnerTexts();
  }

  /** Processes that this VS Code started whose command line contains `part`, for example `engine.mjs`. */
  async processes(part: string): Promise<ProcessInfo[]> {
    return (await descendants(this.server.pid)).filter((found) => found.command.includes(part));
  }

  /** Writes `test-output/vscode/<name>.png` for people to look at. */
  async screenshot(name: string): Promise<string> {
    await mkdir(outputFolder, { recursive: true });
    const file = join(outputFolder, `${name.replace(/[^\w.-]+/g, '-')}.png`);
    await this.page.screenshot({ path: file });
    return file;
  }

  /** The last lines that the server printed. */
  serverLog(): string {
    return this.server.log();
  }

  /** Ends the browser, the server and all that it started, and removes the workspace. */
  async close(): Promise<void> {
    this.closing = true;
    await this.release();
  }
}

function escapeRegExp(text: string): string {
  return text.replace(/[.*+?^${}()|[\]\\]/g, '\\$&');
}
