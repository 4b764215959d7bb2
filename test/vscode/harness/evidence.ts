import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach } from 'vitest';
import { outputFolder, type VsCode } from './vsCode';

/** After a failed test of this file: a screenshot and the server's log in `test-output/vscode/failed-…`. */
export function keepEvidence(current: () => VsCode | undefined): void {
  afterEach(async ({ task }) => {
    const vscode = current();
    if (task.result?.state !== 'fail' || vscode === undefined) return;
    const name = `failed-${task.name}`.replace(/[^\w.-]+/g, '-');
    mkdirSync(outputFolder, { recursive: true });
    writeFileSync(join(outputFolder, `${name}.log`), vscode.serverLog());
    await vscode.screenshot(name).catch((error: unknown) => console.error(`No screenshot: ${String(error)}`));
  });
}
