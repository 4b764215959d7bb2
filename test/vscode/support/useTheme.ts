import { mkdirSync, writeFileSync } from 'node:fs';
import type { Frame } from 'playwright-core';
import { expect } from 'vitest';
import { themeNames, type Theme } from '../harness/openVsCode';
import type { VsCode } from '../harness/vsCode';

/**
 * Changes the theme as a user does, by the settings; the open view follows without a reload.
 * @param view the one that is looked at; whatever is visible when absent.
 */
export async function useTheme(
  vscode: VsCode,
  theme: Theme,
  view?: { readonly frame: Frame },
): Promise<void> {
  mkdirSync(vscode.path('.vscode'), { recursive: true });
  writeFileSync(
    vscode.path('.vscode/settings.json'),
    JSON.stringify({ 'workbench.colorTheme': themeNames[theme] }),
  );
  // A preview may be made anew while it is looked at.
  const kind = async () => {
    const frame = view?.frame ?? (await vscode.view());
    return frame
      .locator('body')
      .getAttribute('data-vscode-theme-id', { timeout: 2000 })
      .catch(() => '');
  };
  await expect.poll(kind, { timeout: 20_000 }).toBe(themeNames[theme]);
}
