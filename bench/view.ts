/**
 * The view in a real VS Code, by the browser's own trace: time to the first rows beside an empty custom editor in the same VS Code,
 * script per frame while 100,000 rows are scrolled, script per step of the range handle.
 * `npm run bench -- view [--rounds N] [--part small|large|scroll|drag]`. Measures what `npm run build -- --production` left in dist/.
 * Prints a table; exit code 1 when a limit is not met. Script is the processor time of the thread, which a busy machine does not
 * stretch; times to the first rows are wall times, and are.
 */
import { existsSync } from 'node:fs';
import { mkdir, rm, stat, utimes } from 'node:fs/promises';
import { cpus, loadavg } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import type { Frame } from 'playwright-core';
import { openVsCode } from '../test/vscode/harness/openVsCode';
import type { VsCode } from '../test/vscode/harness/vsCode';
import { writeModelFile } from '../src/engine/files/writeModelFile';
import { bigModel } from './support/bigModel';
import { outputFolder, root, sharedModel } from './support/paths';
import { formatTable, median, quantile } from './support/table';
import { timeToPaint } from './support/view/firstPaint';
import { installBoth } from './support/view/installBoth';
import { processSeconds } from './support/view/processSeconds';
import { traceScript, type ScriptTrace } from './support/view/scriptTrace';

/** Milliseconds. */
const LIMITS = { beyondEmpty: 200, largeModel: 2000, scrollFrame: 8, dragStep: 16 };
/** Of four projections with a bias and a Relu: 100,008 nodes. */
const BLOCKS = 8334;
const OPENING_LIMIT_MS = 120_000;
const SCROLL_STEPS = 200;
const DRAG_STEPS = 100;

const EMPTY = 'nothing.empty';
const SMALL = 'small.onnx';
const LARGE = 'large.onnx';

interface Line {
  readonly what: string;
  readonly milliseconds: number;
  readonly limit: number | undefined;
  readonly detail: string;
}

interface Opening {
  readonly milliseconds: number;
  /** Until all rows were there; of the empty editor as `milliseconds`. */
  readonly whole: number;
  /** Of the server, the extension host and the engine. */
  readonly hostSeconds: number;
}

const ms = (value: number, digits = 0): string => value.toFixed(digits);

async function largeModel(): Promise<string> {
  const folder = join(outputFolder, 'view');
  await mkdir(folder, { recursive: true });
  const path = join(folder, LARGE);
  if (!existsSync(path)) await writeModelFile(bigModel(BLOCKS, 1), path);
  return path;
}

async function open(vscode: VsCode, file: string): Promise<Opening> {
  // As if it were new: the engine keeps the graph that it read last.
  const now = new Date();
  await utimes(vscode.path(file), now, now);
  const before = await processSeconds(vscode);
  const milliseconds = await timeToPaint(vscode, file);
  const painted = performance.now();
  const hostSeconds = (await processSeconds(vscode)) - before;
  if (file === EMPTY) return { milliseconds, whole: milliseconds, hostSeconds };
  // The engine would go on reading, and the next opening wait for it.
  const view = await vscode.view();
  await view.locator('[role=treegrid][aria-busy=false]').waitFor({ timeout: OPENING_LIMIT_MS });
  return { milliseconds, whole: milliseconds + performance.now() - painted, hostSeconds };
}

/** A new VS Code opens one file as its first, then all of them in turn, closing each. */
async function openings(
  extensionsFolder: string,
  files: Readonly<Record<string, string | Uint8Array>>,
  rounds: number,
): Promise<{ cold: Map<string, Opening[]>; warm: Map<string, Opening[]> }> {
  const names = Object.keys(files);
  const cold = new Map(names.map((name): [string, Opening[]] => [name, []]));
  const warm = new Map(names.map((name): [string, Opening[]] => [name, []]));
  for (let round = 0; round < rounds; round++) {
    for (const first of names) {
      const vscode = await openVsCode({ extensionsFolder, files });
      try {
        cold.get(first)?.push(await open(vscode, first));
        await vscode.closeTab(first);
        for (const name of names) {
          // The engine runs from the first model on.
          await open(vscode, name);
          await vscode.closeTab(name);
        }
        for (const name of names) {
          warm.get(name)?.push(await open(vscode, name));
          await vscode.closeTab(name);
        }
      } finally {
        await vscode.close();
      }
    }
  }
  return { cold, warm };
}

function paintLines(isWarm: boolean, times: ReadonlyMap<string, readonly Opening[]>): Line[] {
  const when = isWarm ? 'later' : 'first in a window';
  const wall = (name: string): number =>
    median((times.get(name) ?? []).map(({ milliseconds }) => milliseconds));
  const spread = (name: string): string => {
    const all = times.get(name) ?? [];
    const values = all.map(({ milliseconds }) => milliseconds);
    const host = median(all.map(({ hostSeconds }) => hostSeconds * 1000));
    const whole = median(all.map((opening) => opening.whole));
    return `${ms(Math.min(...values))} to ${ms(Math.max(...values))}; all rows after ${ms(whole)}; ${ms(host)} ms of processor time outside the browser`;
  };
  const empty = wall(EMPTY);
  const line = (what: string, milliseconds: number, limit: number | undefined, detail: string): Line => ({
    what: `${what}, ${when}`,
    milliseconds,
    limit,
    detail,
  });
  return [
    line('empty editor', empty, undefined, spread(EMPTY)),
    ...(times.has(SMALL)
      ? [
          line('SqueezeNet, first rows', wall(SMALL), undefined, spread(SMALL)),
          line(
            'SqueezeNet beyond the empty editor',
            wall(SMALL) - empty,
            LIMITS.beyondEmpty,
            `${(wall(SMALL) / empty).toFixed(2)} times`,
          ),
        ]
      : []),
    ...(times.has(LARGE)
      ? [
          line(
            '100,000 nodes, first rows',
            wall(LARGE),
            isWarm ? LIMITS.largeModel : undefined,
            spread(LARGE),
          ),
          // The start of a window is not ours.
          line('100,000 nodes beyond the empty editor', wall(LARGE) - empty, LIMITS.largeModel, ''),
        ]
      : []),
  ];
}

function scriptLine(what: string, { script, rendering, seconds }: ScriptTrace, limit: number): Line {
  const frames = script.length;
  const parts = [
    `median ${ms(median(script), 1)}, 95 % ${ms(quantile(script, 0.95), 1)}, most ${ms(Math.max(...script), 1)}`,
    `rendering ${ms(median(rendering), 1)}`,
    `${frames} frames, ${ms(frames / seconds)} a second`,
  ];
  const mean = script.reduce((sum, value) => sum + value, 0) / frames;
  return { what, milliseconds: mean, limit, detail: parts.join('; ') };
}

async function rowsOf(vscode: VsCode, file: string): Promise<Frame> {
  await vscode.openFile(file);
  const view = await vscode.view();
  await view.locator('[role=treegrid] [data-id]').first().waitFor({ timeout: OPENING_LIMIT_MS });
  return view;
}

/** Scrolls every row of the large model past, by wheel. */
async function scroll(extensionsFolder: string, large: string): Promise<Line> {
  const vscode = await openVsCode({ extensionsFolder, files: { [LARGE]: large } });
  try {
    const view = await rowsOf(vscode, LARGE);
    await view.locator('vscode-checkbox').filter({ hasText: 'Other nodes' }).click();
    await view.getByRole('button', { name: 'Expand All' }).click();
    const grid = view.getByRole('treegrid');
    await view.waitForFunction(
      () => Number(document.querySelector('[role=treegrid]')?.getAttribute('aria-rowcount')) > 100_000,
      undefined,
      { timeout: OPENING_LIMIT_MS },
    );
    const rows = await grid.getAttribute('aria-rowcount');
    await grid.hover();
    const trace = await traceScript(vscode.page, async () => {
      for (let step = 0; step < SCROLL_STEPS; step++)
        await vscode.page.mouse.wheel(0, step < 100 ? 300 : 9000);
    });
    return scriptLine(`script per frame, ${rows} rows scrolled`, trace, LIMITS.scrollFrame);
  } finally {
    await vscode.close();
  }
}

/** Drags the range handle to and fro over its chart. */
async function drag(extensionsFolder: string, model: string): Promise<Line> {
  const vscode = await openVsCode({ extensionsFolder, files: { [SMALL]: model } });
  try {
    await vscode.page.setViewportSize({ width: 1500, height: 1350 });
    const view = await rowsOf(vscode, SMALL);
    await view.locator('[data-id^="row:"]').first().locator('.cell.name').click();
    const handle = view.locator('.range-handle').first();
    await handle.waitFor();
    await handle.scrollIntoViewIfNeeded();
    const area = await handle.boundingBox();
    if (!area) throw new Error('The range handle is not on the screen.');
    const { mouse } = vscode.page;
    const at = (step: number): number => area.x + area.width * (0.5 + 0.35 * Math.sin(step / 8));
    const y = area.y + area.height * 0.6;
    await mouse.move(at(0), y);
    await mouse.down();
    const trace = await traceScript(vscode.page, async () => {
      for (let step = 1; step <= DRAG_STEPS; step++) await mouse.move(at(step), y);
    });
    await mouse.up();
    const total = trace.script.reduce((sum, value) => sum + value, 0);
    const line = scriptLine('script per step of the range handle', trace, LIMITS.dragStep);
    return { ...line, milliseconds: total / DRAG_STEPS };
  } finally {
    await vscode.close();
  }
}

function report(lines: readonly Line[]): void {
  const verdict = ({ milliseconds, limit }: Line): string =>
    limit === undefined ? '' : milliseconds <= limit ? 'met' : 'NOT MET';
  console.log(
    formatTable([
      ['', 'ms', 'limit', ''],
      ...lines.map((line) => [line.what, ms(line.milliseconds, 1), line.limit ?? '', verdict(line)]),
    ]),
  );
  console.log();
  for (const { what, detail } of lines) console.log(`${what}: ${detail}`);
  if (lines.some((line) => verdict(line) === 'NOT MET')) process.exitCode = 1;
}

async function main(): Promise<void> {
  const { values } = parseArgs({
    options: { rounds: { type: 'string', default: '5' }, part: { type: 'string' } },
  });
  const wanted = (part: string): boolean => values.part === undefined || values.part === part;
  const squeezenet = sharedModel('squeezenet/fp32.onnx');
  if (squeezenet === undefined)
    console.log('SqueezeNet is not beside the repository: MNIST is dragged instead.');
  const small = squeezenet ?? join(root, 'samples/mnist/mnist_cnn.onnx');
  const large = await largeModel();
  const { folder, extensions } = await installBoth();
  const load = loadavg().map((value) => value.toFixed(1));
  const bundle = (await stat(join(root, 'dist/webview/main.js'))).size;
  const cores = cpus();
  console.log(
    `${cores.length} × ${cores[0]?.model ?? '?'}; load ${load.join(', ')}; view bundle ${ms(bundle / 1000)} kB`,
  );
  try {
    const lines: Line[] = [];
    const files = {
      [EMPTY]: new Uint8Array(0),
      ...(squeezenet !== undefined && wanted('small') && { [SMALL]: squeezenet }),
      ...(wanted('large') && { [LARGE]: large }),
    };
    if (Object.keys(files).length > 1) {
      const { cold, warm } = await openings(extensions, files, Number(values.rounds));
      lines.push(...paintLines(false, cold), ...paintLines(true, warm));
    }
    if (wanted('scroll')) lines.push(await scroll(extensions, large));
    if (wanted('drag')) lines.push(await drag(extensions, small));
    report(lines);
    console.log(
      `\nLoad at the end: ${loadavg()
        .map((value) => value.toFixed(1))
        .join(', ')}`,
    );
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

await main();
