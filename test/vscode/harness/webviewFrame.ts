import type { Frame, Page } from 'playwright-core';

/**
 * The document that an extension put into the visible webview. A webview is two frames deep: an outer one of VS Code's,
 * and in it `fake.html`, which is `pending-frame` while it loads and `active-frame` once it is shown.
 * @throws Error naming the frames that are there, after `limitMs`.
 */
export async function visibleWebview(page: Page, limitMs = 30_000): Promise<Frame> {
  const deadline = Date.now() + limitMs;
  while (Date.now() < deadline) {
    for (const frame of page.frames()) if (await isShown(frame)) return frame;
    await page.waitForTimeout(100);
  }
  const frames = page.frames().map((frame) => frame.url());
  throw new Error(`No webview was shown within ${limitMs / 1000} s. Frames: ${frames.join(', ')}`);
}

async function isShown(frame: Frame): Promise<boolean> {
  if (!frame.url().includes('fake.html')) return false;
  try {
    const inner = await frame.frameElement();
    const outer = await frame.parentFrame()?.frameElement();
    if ((await inner.getAttribute('id')) !== 'active-frame' || !(await outer?.isVisible())) return false;
    return await frame.evaluate(() => document.readyState === 'complete');
  } catch {
    // The frame went away while we looked at it.
    return false;
  }
}
