import type { Node } from '../onnx/types';

/** What an exporter noted under `key` in a node's `metadata_props`; undefined: nothing. */
export function nodeMetadata(node: Node, key: string): string | undefined {
  return node.metadataProps.find((prop) => prop.key === key)?.value;
}
