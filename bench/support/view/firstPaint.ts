import type { VsCode } from '../../../test/vscode/harness/vsCode';

/** A row of the layer tree, or the word of the empty editor. */
const CONTENT = '[role=treegrid] [data-id], #empty';

/**
 * Notes when the mouse goes down, and when the content of a webview has been painted: there, in the frame that VS Code shows, and
 * a frame later. A message is handled after the frame before it was painted. As text: what tsx makes of named functions does not
 * run in a page.
 */
const WATCH = `{
  const marks = { shown: true };
  window.paintMarks = marks;
  const isShown = () =>
    [...document.querySelectorAll('iframe.webview')].some((outer) =>
      outer.contentDocument?.querySelector('#active-frame')?.contentDocument?.querySelector(${JSON.stringify(CONTENT)}),
    );
  const note = () => {
    const { port1, port2 } = new MessageChannel();
    port1.onmessage = () => (marks.painted = Date.now());
    port2.postMessage(null);
  };
  const look = () => {
    marks.shown = isShown();
    if (marks.pressed !== undefined && marks.shown) requestAnimationFrame(note);
    else requestAnimationFrame(look);
  };
  window.addEventListener('mousedown', () => (marks.pressed ??= Date.now()), { capture: true, once: true });
  look();
}`;

interface PaintMarks {
  shown: boolean;
  pressed?: number;
  painted?: number;
}

/** Double-clicks a file in the explorer. @returns milliseconds from the first press until its content has been painted. */
export async function timeToPaint(vscode: VsCode, file: string): Promise<number> {
  const { page } = vscode;
  await page.evaluate(WATCH);
  await page.waitForFunction(
    () => !(window as unknown as { paintMarks: PaintMarks }).paintMarks.shown,
    undefined,
    { polling: 50 },
  );
  await vscode.explorerRow(file).dblclick();
  const took = await page.waitForFunction(
    () => {
      const { pressed, painted } = (window as unknown as { paintMarks: PaintMarks }).paintMarks;
      return pressed !== undefined && painted !== undefined ? painted - pressed : undefined;
    },
    undefined,
    { timeout: 120_000, polling: 50 },
  );
  return (await took.jsonValue()) ?? NaN;
}
