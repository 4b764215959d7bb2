import type { Frame } from 'playwright-core';
import type { VsCode } from '../harness/vsCode';
import { until } from './until';

/** The Markdown preview, once it shows a heading and all of its pictures. */
export async function markdownPreview(vscode: VsCode, heading: string): Promise<Frame> {
  // Other views have headings too.
  await until(
    `a preview of ${heading}`,
    async () => {
      const first = (await vscode.view()).locator('h1.code-line').first();
      return (await first.innerText({ timeout: 1000 })) === heading;
    },
    30_000,
  );
  const shown = await vscode.view();
  await until('the preview has all of its pictures', () =>
    shown
      .locator('img')
      .evaluateAll((images) =>
        images.every((image) => image instanceof HTMLImageElement && image.naturalWidth > 0),
      ),
  );
  return shown;
}
