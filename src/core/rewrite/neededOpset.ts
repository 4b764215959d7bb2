/** Operator sets and IR versions that formats need. */
import type { Layer } from '../graph/types';
import type { LayerFormat } from '../quant/layerFormat';
import { codebookKind } from '../quant/scheme';
import { integerView } from './weights/integerView';
import { weightSite } from './weights/weightSite';

export const CONTRIB_DOMAIN = 'com.microsoft';

/** QuantizeLinear and DequantizeLinear of the default domain. */
export const QDQ_OPSET = 10;
/** They have an axis. */
export const PER_CHANNEL_OPSET = 13;
/** UINT4 and INT4 in the standard operators. */
export const FOUR_BIT_OPSET = 21;
/** DequantizeLinear has blocks. */
export const BLOCK_OPSET = 21;
/** IR version that has UINT4 and INT4. */
export const FOUR_BIT_IR_VERSION = 10;
/** Entries that an index of 4 bits can name. */
export const FOUR_BIT_ENTRIES = 16;

/** Schemes that store a weight in 8 bits. */
const byteSchemes: ReadonlySet<LayerFormat['scheme']> = new Set(['w8', 'w8a8', 'w8a16']);

/** `wish`: below opset 21 it is written in another way. `must`: it cannot be written there. */
export type OpsetNeed = 'none' | 'wish' | 'must';

/**
 * How much a format needs opset 21.
 * @param layer that it is for; without one, the most that any layer could need.
 */
export function opsetNeed({ scheme, granularity, bias }: LayerFormat, layer?: Layer): OpsetNeed {
  if (granularity?.startsWith('block:') && (!layer || isBlocked(layer, granularity))) return 'must';
  const isSmall = (table: string): boolean => (codebookKind(table)?.entries ?? Infinity) <= FOUR_BIT_ENTRIES;
  const isNew =
    scheme === 'w4' || scheme === 'w8a16' || isSmall(scheme) || (bias !== undefined && isSmall(bias));
  // Rows of a table can be dequantized alone where DequantizeLinear has blocks.
  const isTable = (!layer || layer.op === 'Gather') && byteSchemes.has(scheme) && granularity !== 'tensor';
  return isNew || isTable ? 'wish' : 'none';
}

function isBlocked({ ref, weights }: Layer, granularity: NonNullable<LayerFormat['granularity']>): boolean {
  return weights.some((weight) => {
    const site = weightSite(ref, weight, BLOCK_OPSET);
    return integerView(weight.tensor.dims, site, granularity).granularity === 'blocked';
  });
}

/**
 * The domain whose QuantizeLinear and DequantizeLinear can be used at an opset: the default one where it has what is needed,
 * else com.microsoft, which has had axes and codes of 4 and 16 bits from its first version.
 */
export function qdqDomain(opset: number, bits: number, hasAxis: boolean): '' | typeof CONTRIB_DOMAIN {
  if (bits === 4 || bits === 16) return opset >= FOUR_BIT_OPSET ? '' : CONTRIB_DOMAIN;
  return opset >= (hasAxis ? PER_CHANNEL_OPSET : QDQ_OPSET) ? '' : CONTRIB_DOMAIN;
}
