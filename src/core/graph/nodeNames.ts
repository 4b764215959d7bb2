import type { Node } from '../onnx/types';

/**
 * A unique, stable name for every node, in the order given. A node keeps its own name if it is the first with it;
 * later ones get `#2`, `#3`... A node without a name is called after its operator and its position in its scope,
 * such as `Conv_12`. Own names are dealt before made ones, so a made name never takes a name from the file.
 */
export function nameNodes(nodes: readonly { readonly node: Node; readonly index: number }[]): string[] {
  const own = new Set(nodes.map(({ node }) => node.name));
  const taken = new Set<string>();
  const lastSuffix = new Map<string, number>();

  const claim = (wanted: string): string => {
    if (!taken.has(wanted)) {
      taken.add(wanted);
      return wanted;
    }
    let suffix = lastSuffix.get(wanted) ?? 1;
    let name: string;
    do name = `${wanted}#${++suffix}`;
    while (taken.has(name) || own.has(name));
    lastSuffix.set(wanted, suffix);
    taken.add(name);
    return name;
  };

  const names = nodes.map(({ node }) => (node.name === '' ? '' : claim(node.name)));
  return names.map((name, position) => {
    const entry = nodes[position];
    return name !== '' || !entry ? name : claim(`${entry.node.opType}_${entry.index}`);
  });
}
