import { RuntimeFailure } from '../engineErrors';

/** How ONNX Runtime's messages name a node, most specific first. */
const nodePatterns = [
  // Non-zero status code returned while running Conv node. Name:'/conv1/Conv' Status Message: ...
  /Name:\s?'([^']+)'/,
  // Node (/conv1/Conv) Op (Conv) [ShapeInferenceError] ...
  /Node:? ?\((.+?)\) Op/,
  // Could not find an implementation for Foo(1) node with name '/foo'
  /node with name '([^']+)'/,
  /\bnode[: ]+name: ([^\s,]+)/i,
];

/**
 * One sentence from an error of the runtime: the model, the node when the message has one, and the runtime's reason.
 * @param doing `load` or `run`.
 */
export function runtimeFailure(error: unknown, doing: 'load' | 'run', file: string): RuntimeFailure {
  const text = error instanceof Error ? error.message : String(error);
  const node = nodePatterns.map((pattern) => pattern.exec(text)?.[1]).find((name) => name !== undefined);
  const reason = text
    .replace(/^Error: /, '')
    .replace(/^Non-zero status code returned while running .*? Status Message: /s, '')
    // Source positions of the build machine: /onnxruntime_src/onnxruntime/core/...cc:123 onnxruntime::...
    .replaceAll(/\S*onnxruntime\S*\.(?:cc|h):\d+ \S+(?: \[[^\]]*\])?\s*/g, '')
    .replaceAll(/\s+/g, ' ')
    .trim();
  const at = node === undefined ? '' : ` at node ${node}`;
  return new RuntimeFailure(`ONNX Runtime could not ${doing} ${file}${at}: ${reason}`);
}
