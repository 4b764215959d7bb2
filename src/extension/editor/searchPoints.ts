import { codebookKind } from '../../core/quant/scheme';
import { formatCounts } from '../../core/plan/layerFormats';
import type { SearchPoint } from '../../core/searchResults';
import type { SearchPointView } from '../../shared/viewRpc';

/** Names that a view gets of the layers that a plan spares. */
const MOST_KEPT = 10;

/** The plans of a search, with the numbers that views name them by. A number is never given to another plan. */
export class SearchPoints {
  readonly #ids = new Map<string, number>();
  readonly #points = new Map<number, SearchPoint>();
  #lastId = 0;

  clear(): void {
    this.#ids.clear();
    this.#points.clear();
  }

  /** Takes points as a search reports them while it runs: a front as foretold, which replaces the one before, or plans that were run. */
  take(points: readonly SearchPoint[]): void {
    if (points.some(({ verified }) => verified === null)) this.replace(points);
    else this.#add(points);
  }

  /** These are all there are. */
  replace(points: readonly SearchPoint[]): void {
    this.#points.clear();
    this.#add(points);
  }

  #add(points: readonly SearchPoint[]): void {
    for (const point of points) this.#points.set(this.#numberOf(point), point);
  }

  get(id: number): SearchPoint | undefined {
    return this.#points.get(id);
  }

  /** null: there is no such plan. */
  idOf(point: SearchPoint): number | null {
    const id = this.#ids.get(keyOf(point));
    return id !== undefined && this.#points.has(id) ? id : null;
  }

  /** The plan in which all searched layers have the formats that they have now; null: none. */
  appliedId(plannedFormat: (layer: string) => string): number | null {
    for (const [id, { layers }] of this.#points) {
      if (Object.entries(layers).every(([layer, format]) => plannedFormat(layer) === format)) return id;
    }
    return null;
  }

  /** By bytes, the least first. */
  views(): SearchPointView[] {
    return [...this.#points]
      .map(([id, { layers, ...figures }]) => ({
        ...figures,
        id,
        formats: formatCounts(layers),
        keeps: keptOf(layers),
      }))
      .sort((a, b) => a.bytes - b.bytes || b.predicted - a.predicted);
  }

  #numberOf(point: SearchPoint): number {
    const key = keyOf(point);
    const id = this.#ids.get(key) ?? ++this.#lastId;
    this.#ids.set(key, id);
    return id;
  }
}

function keyOf({ layers }: SearchPoint): string {
  return JSON.stringify(Object.entries(layers));
}

/** The layers with the most bits, unless all have as many. */
function keptOf(layers: SearchPoint['layers']): string[] {
  const bits = Object.entries(layers).map(([name, format]) => ({ name, bits: weightBits(format) }));
  const most = bits.reduce((max, each) => Math.max(max, each.bits), 0);
  const kept = bits.filter((each) => each.bits === most);
  return kept.length === bits.length && most < FLOAT_BITS
    ? []
    : kept.slice(0, MOST_KEPT).map(({ name }) => name);
}

const FLOAT_BITS = 32;

/** Of a value of the weight, scales and tables left out. */
function weightBits(format: string): number {
  const [scheme = ''] = format.split(',');
  const codebook = codebookKind(scheme);
  if (codebook) return Math.log2(codebook.entries);
  if (scheme === 'w4') return 4;
  if (scheme === 'fp16') return 16;
  return scheme === 'float' ? FLOAT_BITS : 8;
}
