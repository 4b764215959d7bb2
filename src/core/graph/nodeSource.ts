/** The Python lines that a node was made by, from the stack traces that PyTorch's exporter leaves in the nodes. */
import type { NodeSource, SourceFrame } from '../inspectorResults';
import { nodeMetadata } from './nodeMetadata';
import type { NodeRef } from './types';

const STACK_TRACE = 'pkg.torch.onnx.stack_trace';

/** More calls than these inside one another are no help. */
const MOST_FRAMES = 10;
/** Characters of a path, a function's name or a line at most. */
const MOST_CHARACTERS = 1000;

/** Installed packages, Python's own library, and what is in no file. */
const INSTALLED = /(^|[\\/])(site-packages|dist-packages|lib[\\/]python\d[\d.]*)[\\/]|^</i;
/** Runs the model, and says nothing about it. Paths may have been cut before the package. */
const FRAMEWORK = /(^|[\\/])(torch|onnxscript)[\\/]/;

/** The frames of the user's code that a node comes from, innermost first. */
export function nodeSource({ name, node }: NodeRef): NodeSource {
  const innermostFirst = parseStackTrace(nodeMetadata(node, STACK_TRACE) ?? '').reverse();
  const modelled = innermostFirst.filter(({ file }) => !FRAMEWORK.test(file));
  const own = modelled.filter(({ file }) => !INSTALLED.test(file));
  const [frames = []] = [own, modelled, innermostFirst].filter((some) => some.length > 0);
  const shown = frames.slice(0, MOST_FRAMES);
  return { layer: name, frames: shown, others: innermostFirst.length - shown.length };
}

/** Reads a stack trace as Python prints it, the outermost call first; lines that are none of it are passed over. */
export function parseStackTrace(text: string): SourceFrame[] {
  const frames: SourceFrame[] = [];
  for (const raw of text.split(/\r?\n/)) {
    const line = raw.trim();
    const [, file, digits, name] = /^File "(.+)", line (\d{1,9}), in (.+)$/.exec(line) ?? [];
    const last = frames.at(-1);
    if (file !== undefined && name !== undefined) {
      frames.push({ file: cut(file), line: Math.max(1, Number(digits)), function: cut(name), code: null });
    } else if (last?.code === null && line !== '' && !/^[\^~]+$/.test(line)) {
      last.code = cut(line);
    }
  }
  return frames;
}

function cut(text: string): string {
  return text.slice(0, MOST_CHARACTERS);
}
