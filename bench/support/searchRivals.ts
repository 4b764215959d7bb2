/** Simple ways to choose formats within a number of bytes, which a search has to beat. */

export type Formats = Readonly<Record<string, string>>;

export interface RivalModel {
  /** In the order of the model. */
  readonly layers: readonly string[];
  /** Formats that all layers can have, the smallest first. */
  readonly uniform: readonly string[];
  /** Bytes of the file. */
  readonly bytesOf: (formats: Formats) => Promise<number>;
  /** SQNR of each layer's weight in the smallest format. */
  readonly weightSqnrDb: ReadonlyMap<string, number>;
}

const all = (layers: readonly string[], format: string): Formats =>
  Object.fromEntries(layers.map((layer) => [layer, format]));

/** Every format for all layers that fits. */
export async function naive({ layers, uniform, bytesOf }: RivalModel, budget: number): Promise<Formats[]> {
  const fitting: Formats[] = [];
  for (const format of uniform) {
    const formats = all(layers, format);
    if ((await bytesOf(formats)) <= budget) fitting.push(formats);
  }
  return fitting;
}

/** The same with the first and the last layer float. */
export async function firstAndLastFloat(model: RivalModel, budget: number): Promise<Formats[]> {
  const { layers, uniform, bytesOf } = model;
  const ends = all([layers[0] ?? '', layers.at(-1) ?? ''], 'float');
  const fitting: Formats[] = [];
  for (const format of uniform) {
    const formats = { ...all(layers, format), ...ends };
    if ((await bytesOf(formats)) <= budget) fitting.push(formats);
  }
  return fitting;
}

/** All layers in the smallest format; then the layers whose weights lose most get 8 bits, in turn, as long as they fit. */
export async function byWeightError(model: RivalModel, budget: number): Promise<Formats[]> {
  const { layers, uniform, bytesOf, weightSqnrDb } = model;
  let formats = all(layers, uniform[0] ?? 'float');
  if ((await bytesOf(formats)) > budget) return [];
  const worstFirst = layers.toSorted((a, b) => (weightSqnrDb.get(a) ?? 0) - (weightSqnrDb.get(b) ?? 0));
  for (const layer of worstFirst) {
    const next = { ...formats, [layer]: 'w8' };
    if ((await bytesOf(next)) <= budget) formats = next;
  }
  return [formats];
}
