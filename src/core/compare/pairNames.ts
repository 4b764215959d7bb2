/**
 * Which name of model a each name of model b stands for: names that both have stand for themselves. What is left over is
 * paired in order where as many are left on both sides, as other exporters give other names; else nothing says which is which.
 */
export function pairNames(ofA: readonly string[], ofB: readonly string[]): ReadonlyMap<string, string> {
  const [namesA, namesB] = [new Set(ofA), new Set(ofB)];
  const restA = ofA.filter((name) => !namesB.has(name));
  const restB = ofB.filter((name) => !namesA.has(name));
  const areAsMany = restA.length === restB.length;
  return new Map([
    ...ofB.filter((name) => namesA.has(name)).map((name) => [name, name] as const),
    ...(areAsMany ? restB : []).map((name, at) => [name, restA[at] ?? name] as const),
  ]);
}
