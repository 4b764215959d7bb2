import type { Page } from 'playwright-core';

/** An event of the browser's trace, as far as it is used here; times in microseconds. */
interface TraceEvent {
  name: string;
  ph: string;
  pid: number;
  tid: number;
  ts: number;
  dur?: number;
  /** Of the thread: what other programs of a busy machine take is not in it. */
  tdur?: number;
  args?: { name?: string };
}

/** What a page computed while something was done to it. */
export interface ScriptTrace {
  /** Processor time of JavaScript, garbage collection included, in each frame that the browser made; milliseconds. */
  readonly script: readonly number[];
  /** The same for styles, layout and paint. */
  readonly rendering: readonly number[];
  /** From the first event to the last, in seconds. */
  readonly seconds: number;
}

const SCRIPT = new Set([
  'EvaluateScript',
  'FunctionCall',
  'EventDispatch',
  'TimerFire',
  'FireAnimationFrame',
  'FireIdleCallback',
  'RunMicrotasks',
  'v8.compile',
  'HandlePostMessage',
  'MinorGC',
  'MajorGC',
]);
const RENDERING = new Set(['UpdateLayoutTree', 'Layout', 'PrePaint', 'Paint', 'Layerize', 'Commit']);
/** Begins once for each frame that the thread makes. */
const isFrame = ({ name, ph }: TraceEvent): boolean => name === 'AnimationFrame' && ph === 'b';

/**
 * Traces the page, with the webviews in it, which share its thread: VS Code's own script counts too.
 * @throws Error when the trace has no frames.
 */
export async function traceScript(page: Page, work: () => Promise<void>): Promise<ScriptTrace> {
  const browser = page.context().browser();
  if (!browser) throw new Error('The page has no browser.');
  await browser.startTracing(page, {
    categories: [
      'devtools.timeline',
      'devtools.timeline.frame',
      'disabled-by-default-devtools.timeline',
      'v8',
    ],
  });
  let trace: Buffer;
  try {
    await work();
  } finally {
    trace = await browser.stopTracing();
  }
  const { traceEvents } = JSON.parse(trace.toString('utf8')) as { traceEvents: TraceEvent[] };
  return summarize(traceEvents);
}

export function summarize(events: readonly TraceEvent[]): ScriptTrace {
  const thread = busiestMainThread(events);
  const own = events.filter(({ pid, tid }) => `${pid} ${tid}` === thread).sort((a, b) => a.ts - b.ts);
  const frames = own.filter(isFrame).map(({ ts }) => ts);
  const [first] = frames;
  const last = frames.at(-1);
  if (first === undefined || last === undefined) throw new Error('The browser made no frame.');
  return {
    script: perFrame(own, SCRIPT, frames),
    rendering: perFrame(own, RENDERING, frames),
    seconds: (last - first) / 1e6,
  };
}

function busiestMainThread(events: readonly TraceEvent[]): string {
  const main = new Set(
    events
      .filter(({ name, args }) => name === 'thread_name' && args?.name === 'CrRendererMain')
      .map(({ pid, tid }) => `${pid} ${tid}`),
  );
  const frames = new Map<string, number>();
  for (const event of events.filter(isFrame)) {
    const thread = `${event.pid} ${event.tid}`;
    if (main.has(thread)) frames.set(thread, (frames.get(thread) ?? 0) + 1);
  }
  return [...frames].sort((a, b) => b[1] - a[1])[0]?.[0] ?? '';
}

/** Milliseconds of the outermost events of some names between one frame's begin and the next one's. */
function perFrame(
  events: readonly TraceEvent[],
  names: ReadonlySet<string>,
  frames: readonly number[],
): number[] {
  const spent = frames.slice(1).map(() => 0);
  let end = -Infinity;
  let frame = -1;
  for (const { name, ph, ts, dur = 0, tdur = dur } of events) {
    if (ph !== 'X' || !names.has(name) || ts < end) continue;
    end = ts + dur;
    while (ts >= (frames[frame + 1] ?? Infinity)) frame++;
    const before = spent[frame];
    if (before !== undefined) spent[frame] = before + tdur / 1000;
  }
  return spent;
}
