import { mkdirSync, writeFileSync } from 'node:fs';
import { expect } from 'vitest';
import { themeNames, type Theme } from '../harness/openVsCode';
import type { VsCode } from '../harness/vsCode';
import type { ModelView } from './modelView';

/** Changes the theme as a user does, by the settings; the open view follows without a reload. */
export async function useTheme(vscode: VsCode, theme: Theme, view: ModelView): Promise<void> {
  mkdirSync(vscode.path('.vscode'), { recursive: true });
  writeFileSync(
    vscode.path('.vscode/settings.json'),
    JSON.stringify({ 'workbench.colorTheme': themeNames[theme] }),
  );
  const kind = () => view.frame.locator('body').getAttribute('data-vscode-theme-id');
  await expect.poll(kind, { timeout: 20_000 }).toBe(themeNames[theme]);
}
