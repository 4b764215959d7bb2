import { originOf } from '../../src/core/onnx/origin';
import { varint } from './wire';

function spanOf(message: object): { start: number; end: number } {
  const origin = originOf(message);
  if (!origin) throw new Error('no origin');
  return { start: origin.offset, end: origin.offset + origin.length };
}

/**
 * True when `result` is `original` except for one node of the main graph, that node's length and the graph's length:
 * before the graph, in the graph before the node, and from the node to the end of the file every byte is the same.
 */
export function onlyNodeChanged(
  original: Uint8Array,
  result: Uint8Array,
  graph: object,
  node: object,
): boolean {
  const outer = spanOf(graph);
  const inner = spanOf(node);
  const growth = result.byteLength - original.byteLength;
  const oldLength = varint(outer.end - outer.start).length;
  const newLength = varint(outer.end - outer.start + growth).length;
  const beforeGraph = outer.start - oldLength;
  const nodeTag = inner.start - 1 - varint(inner.end - inner.start).length;
  const newStart = beforeGraph + newLength;
  const tail = original.byteLength - inner.end;
  const same = (a: Uint8Array, b: Uint8Array) => Buffer.compare(a, b) === 0;
  return (
    same(result.subarray(0, beforeGraph), original.subarray(0, beforeGraph)) &&
    same(
      result.subarray(newStart, newStart + nodeTag - outer.start),
      original.subarray(outer.start, nodeTag),
    ) &&
    same(result.subarray(result.byteLength - tail), original.subarray(inner.end))
  );
}
