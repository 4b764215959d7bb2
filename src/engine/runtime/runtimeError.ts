import { RuntimeFailure } from '../engineErrors';

/** How ONNX Runtime's messages name a node, most specific first. */
const nodePatterns = [
  // In Node, ("/conv1/Conv", Foo, "", -1) : ("x": tensor(float),) -> ("y": tensor(float),) , Error No Op registered for Foo
  /In Node, \("([^"]+)"/,
  // Non-zero status code returned while running Conv node. Name:'/conv1/Conv' Status Message: ...
  /Name:\s?'([^']+)'/,
  // Node (/conv1/Conv) Op (Conv) [ShapeInferenceError] ...
  /Node:? ?\((.+?)\) Op/,
  // Could not find an implementation for Foo(1) node with name '/foo'
  /node with name '([^']+)'/,
  /\bnode[: ]+name: ([^\s,]+)/i,
];

/**
 * Where in the runtime's source a check failed, as its messages begin: a file and line, a function with its signature and what it
 * returns, sometimes a kind of error. Says nothing to a user.
 */
const sourcePosition =
  /(?:\S*\/)?\w+\.(?:cc|cpp|h|hpp):\d+ (?:(?:[\w:<>,*&]+ ){0,3}?[\w<>~]*::[\w:<>~]+\([^()]*\)|[^\s(]+(?:\([^)]*\))?)(?: const)?(?:::<lambda\(\)>)?(?: \[[^\]]*\])? */g;

/** What stands around the reason when a model does not load: our sentence says as much. */
const wrappings: readonly RegExp[] = [
  /^Error: /,
  /^Load model from .*? failed:\s*/s,
  /^Non-zero status code returned while running .*? Status Message: /s,
  /^This is an invalid model\. (?:In Node, \(.*?\) : \(.*?\) -> \(.*?\) , )?(?:Error:? )?/s,
  // On some platforms.
  /\s*Stacktrace:.*$/s,
];

/**
 * One sentence from an error of the runtime: the model, the node when the message has one, and the runtime's reason.
 * @param doing `load` or `run`.
 */
export function runtimeFailure(error: unknown, doing: 'load' | 'run', file: string): RuntimeFailure {
  const text = error instanceof Error ? error.message : String(error);
  const node = nodePatterns.map((pattern) => pattern.exec(text)?.[1]).find((name) => name !== undefined);
  const reason = wrappings
    .reduce((shorter, wrapping) => shorter.replace(wrapping, ''), text)
    .replaceAll(sourcePosition, '')
    .replaceAll(/\s+/g, ' ')
    .trim();
  const at = node === undefined ? '' : ` at node ${node}`;
  return new RuntimeFailure(`ONNX Runtime could not ${doing} ${file}${at}: ${reason}`);
}
