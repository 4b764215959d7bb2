import { mkdirSync, writeFileSync } from 'node:fs';
import type { Frame } from 'playwright-core';
import { themeNames, type Theme } from '../harness/openVsCode';
import type { VsCode } from '../harness/vsCode';
import { until } from './until';

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
  await until(`the view has the theme ${themeNames[theme]}`, async () => {
    const frame = view?.frame ?? (await vscode.view());
    const id = await frame.locator('body').getAttribute('data-vscode-theme-id', { timeout: 2000 });
    return id === themeNames[theme];
  });
}
