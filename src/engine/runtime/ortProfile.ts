import type { ProfiledKernel } from '../../core/ports';
import { RuntimeFailure } from '../engineErrors';

/** One entry of the runtime's trace (Chrome's trace event format); times in microseconds. */
interface TraceEvent {
  readonly cat?: unknown;
  readonly name?: unknown;
  readonly ts?: unknown;
  readonly dur?: unknown;
  readonly args?: { readonly op_name?: unknown; readonly output_type_shape?: unknown };
}

interface Execution {
  readonly name: string;
  readonly op: string;
  readonly start: number;
  readonly duration: number;
  readonly outputElements: number;
}

const suffix = '_kernel_time';

/**
 * The kernels in a profile of ONNX Runtime, in the order they first ran.
 * @param json what `endProfiling` wrote.
 * @param warmup first executions of each kernel that are not counted.
 * @throws RuntimeFailure for a file that is no profile.
 */
export function kernelsOf(json: string, warmup: number): ProfiledKernel[] {
  const kernels = new Map<string, Execution[]>();
  for (const execution of outermost(executionsIn(json))) {
    const key = `${execution.op} ${execution.name}`;
    const known = kernels.get(key);
    if (known) known.push(execution);
    else kernels.set(key, [execution]);
  }
  return [...kernels.values()].flatMap((executions) => {
    const [first] = executions;
    if (!first) return [];
    const { name, op, outputElements } = first;
    const durations = executions.slice(warmup).map(({ duration }) => duration);
    return [{ name, op, outputElements, microseconds: fastestMean(durations) }];
  });
}

function executionsIn(json: string): Execution[] {
  const events = parse(json);
  return events.flatMap(({ cat, name, ts, dur, args }) => {
    if (cat !== 'Node' || typeof name !== 'string' || !name.endsWith(suffix)) return [];
    if (typeof ts !== 'number' || typeof dur !== 'number') return [];
    return [
      {
        name: name.slice(0, -suffix.length),
        op: typeof args?.op_name === 'string' ? args.op_name : '',
        start: ts,
        duration: dur,
        outputElements: elementsIn(args?.output_type_shape),
      },
    ];
  });
}

function parse(json: string): TraceEvent[] {
  try {
    const events: unknown = JSON.parse(json);
    if (Array.isArray(events)) return events as TraceEvent[];
  } catch {
    // Told below.
  }
  throw new RuntimeFailure('The profile that ONNX Runtime wrote cannot be read.');
}

/** Kernels of subgraphs run within the one of the node that holds them, which counts them all. */
function outermost(executions: Execution[]): Execution[] {
  // Of two that start together the longer one is around the other.
  executions.sort((a, b) => a.start - b.start || b.duration - a.duration);
  let end = -Infinity;
  return executions.filter(({ start, duration }) => {
    if (start < end) return false;
    end = start + duration;
    return true;
  });
}

/** `[{ float: [1, 64, 32, 32] }]` → 65536. */
function elementsIn(shapes: unknown): number {
  if (!Array.isArray(shapes)) return 0;
  return (shapes as unknown[]).reduce<number>((sum, shape) => {
    const [dims] = Object.values(shape ?? {}) as unknown[];
    if (!Array.isArray(dims)) return sum;
    return sum + (dims as unknown[]).reduce<number>((count, size) => count * Number(size), 1);
  }, 0);
}

/**
 * The mean of the fastest tenth: what else a machine does only ever adds, and a single one would be a whole number of microseconds.
 */
function fastestMean(values: readonly number[]): number {
  const fastest = values.toSorted((a, b) => a - b).slice(0, Math.ceil(values.length / 10));
  return fastest.reduce((sum, value) => sum + value, 0) / Math.max(1, fastest.length);
}
