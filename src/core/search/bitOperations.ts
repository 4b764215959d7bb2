import type { GraphIndex } from '../graph/graphIndex';
import { scopeRuns } from '../graph/totals';
import type { Layer } from '../graph/types';
import type { LayerFormat } from '../quant/layerFormat';
import type { RewrittenLayer } from '../rewrite/rewrite';

/** float32 times float32. */
const FLOAT_BITS = 32;

const float: LayerFormat = { scheme: 'float' };

/**
 * MACs × bits of the weight × bits of the activations, as papers on mixed precision count: layers of a function once for every
 * call. Of formats that store weights in few bits and compute in float, the activations count as float32: the runtime does no
 * less for them.
 */
export class BitOperations {
  private readonly macs: ReadonlyMap<string, number | undefined>;

  /** @param layers of the index, with the MACs of one run of each. */
  constructor(index: GraphIndex, layers: readonly Layer[]) {
    const runsOf = scopeRuns(index, layers);
    this.macs = new Map(
      layers.map(({ name, macs, ref }) => [name, macs === undefined ? undefined : macs * runsOf(ref.scope)]),
    );
  }

  /**
   * Of a layer as it was rewritten; null: its MACs are unknown.
   * @param format that it was to have; it may have stayed float.
   */
  of(
    { name, scheme, bits }: Pick<RewrittenLayer, 'name' | 'scheme' | 'bits'>,
    format: LayerFormat,
  ): number | null {
    return scheme === 'float' ? this.inFloat(name) : this.times(name, bits, format);
  }

  /** Of a layer in float32. */
  inFloat(name: string): number | null {
    return this.times(name, FLOAT_BITS, float);
  }

  private times(name: string, weightBits: number, format: LayerFormat): number | null {
    const macs = this.macs.get(name);
    return macs === undefined ? null : macs * weightBits * activationBits(format);
  }
}

function activationBits({ scheme, region = false }: LayerFormat): number {
  if (scheme === 'w8a8') return 8;
  if (scheme === 'w8a16' || (scheme === 'fp16' && region)) return 16;
  return FLOAT_BITS;
}
