import type { Frame } from 'playwright-core';
import { expect } from 'vitest';
import type { VsCode } from '../harness/vsCode';

/** The Markdown preview, once it shows a heading and all of its pictures. */
export async function markdownPreview(vscode: VsCode, heading: string | RegExp): Promise<Frame> {
  // What is shown now may be made anew while it is looked at; other views have headings too.
  const first = async () =>
    (await vscode.view()).locator('h1.code-line').first().innerText({ timeout: 1000 });
  await expect.poll(() => first().catch(() => ''), { timeout: 30_000 }).toMatch(heading);
  const shown = await vscode.view();
  await expect
    .poll(() =>
      shown
        .locator('img')
        .evaluateAll((images) =>
          images.map((image) => image instanceof HTMLImageElement && image.naturalWidth > 0),
        ),
    )
    .not.toContain(false);
  return shown;
}
