import type { Node } from '../onnx/types';

/**
 * A unique, stable name for every node, scope by scope. A node keeps its own name if it is the first with it; later ones get
 * `#2`, `#3`... A node without a name is called after its operator and its position in its scope, such as `Conv_12`. Own
 * names are dealt before made ones, so a made name never takes a name from the file.
 * @returns a list for each list given.
 */
export function nameNodes(scopes: readonly (readonly Node[])[]): string[][] {
  const own = new Set<string>();
  let isUnique = true;
  for (const nodes of scopes) {
    for (const { name } of nodes) {
      const before = own.size;
      isUnique &&= name !== '' && own.add(name).size > before;
    }
  }
  // Nearly always, and large models have very many.
  if (isUnique) return scopes.map((nodes) => nodes.map(({ name }) => name));
  for (const nodes of scopes) for (const { name } of nodes) own.add(name);
  return dealNames(scopes, own);
}

function dealNames(scopes: readonly (readonly Node[])[], own: ReadonlySet<string>): string[][] {
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

  const named = scopes.map((nodes) => nodes.map(({ name }) => (name === '' ? '' : claim(name))));
  return scopes.map((nodes, scope) =>
    nodes.map(({ opType }, index) => named[scope]?.[index] || claim(`${opType}_${index}`)),
  );
}
