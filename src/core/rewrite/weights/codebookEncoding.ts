import type { NodeRef } from '../../graph/types';
import { bytesOf, int64Tensor } from '../../onnx/build';
import { rawByteLength } from '../../onnx/dtype';
import { DataType, type Tensor } from '../../onnx/types';
import { axisLayout, type AxisLayout } from '../../quant/affine';
import {
  codebookIndices,
  codebookLimits,
  fitCodebook,
  lookUp,
  nearestCodebook,
  packNibbles,
  withGain,
  type CodebookOptions,
  type WeightCodebook,
} from '../../quant/codebook';
import { sliceGains } from '../../quant/gain';
import type { Granularity } from '../../quant/layerFormat';
import { elementsOf, tensorLayout } from '../../quant/layouts';
import { exponentsOf } from '../../quant/powersOfTwo';
import type { CodebookKind } from '../../quant/scheme';
import { codebookStoredGrid } from '../../quant/storedGrid';
import type { CompensatedCodes, WeightGrid } from '../../quant/weightGrid';
import { collectable } from '../lazyTensor';
import { FOUR_BIT_ENTRIES, FOUR_BIT_IR_VERSION, FOUR_BIT_OPSET } from '../neededOpset';
import { Chain } from './chain';
import { checkCodes, sliceFactors } from './compensated';
import type {
  CodeUse,
  ConstantTarget,
  EncodedWeight,
  FittedFacts,
  WeightGranularityWord,
  WeightLimits,
  WeightWords,
} from './encodedWeight';
import { floatsOf } from './floatValues';
import type { WeightSite } from './weightSite';

/** What a codebook format says, every option decided. */
export interface CodebookSpec {
  readonly kind: CodebookKind;
  /** Absent: k-means with a scale per channel, which is 1 where one table for all has less squared error; others per tensor. */
  readonly granularity: Granularity | undefined;
  /** `channels`: by a scale for each. `where free`: by what is stored anyway, scales or the values of a k-means table. */
  readonly gain: 'channels' | 'where free' | 'none';
  readonly importance?: () => Float32Array;
  /** Chosen elsewhere; absent: the nearest. */
  readonly codes?: CompensatedCodes;
}

/**
 * A weight as indices → Cast → Gather(table) → Mul by a scale per channel, where there is one. Groups of channels have their
 * own rows of a table, which GatherElements reads; their indices stand in the order of the channels. The runtime computes
 * these nodes once, when it loads the model. (Integers after the Gather and a DequantizeLinear would stay in the graph and run
 * every time.) A table always has as many values as its scheme says, so that the size does not depend on the weight; what is
 * not needed repeats the last one.
 */
export class CodebookEncoding implements EncodedWeight {
  readonly words: WeightWords;
  readonly bytes: number;
  readonly notes: readonly string[];
  readonly irVersion: number;
  readonly needsContrib = false;
  readonly scaledAxis: number | undefined;
  private readonly channels: AxisLayout;
  private readonly options: CodebookOptions;
  private readonly channelAxis: number;
  private readonly hasScales: boolean;
  private readonly gainsChannels: boolean;
  private readonly gainsTables: boolean;
  private readonly groups: number;
  private fitted: Promise<WeightCodebook> | undefined;

  /** @param base the same without compensated codes, or else without gain, which shares its fit. */
  constructor(
    private readonly tensor: Tensor,
    site: WeightSite,
    private readonly spec: CodebookSpec,
    private readonly base?: CodebookEncoding,
  ) {
    const { kind, granularity, codes } = spec;
    const { channelAxis } = site;
    const layout =
      channelAxis === undefined ? tensorLayout(tensor.dims) : axisLayout(tensor.dims, channelAxis);
    const { channels } = layout;
    const isOpen = granularity === undefined && kind.kind === 'k-means';
    const scaled = (granularity === 'channel' || isOpen) && channels > 1;
    const isGained = spec.gain === 'where free' ? scaled : spec.gain === 'channels';
    const gain = isGained && channelAxis !== undefined;
    this.gainsTables = spec.gain === 'where free' && !scaled && kind.kind === 'k-means';
    const { groupSize, note } = groupSizeOf(granularity, channels);
    this.channelAxis = channelAxis ?? 0;
    this.channels = layout;
    this.gainsChannels = gain;
    this.options = { ...(!isOpen && { scaled }), ...(groupSize !== undefined && { group: groupSize }) };
    this.hasScales = scaled || gain;
    this.scaledAxis = this.hasScales ? channelAxis : undefined;
    this.groups = groupSize === undefined ? 1 : channels / groupSize;
    const mayPack = kind.entries <= FOUR_BIT_ENTRIES;
    const isPacked = mayPack && site.opset >= FOUR_BIT_OPSET;
    this.irVersion = isPacked ? FOUR_BIT_IR_VERSION : 0;
    this.words = {
      bits: Math.ceil(Math.log2(kind.entries)),
      signed: false,
      granularity: wordOf(this.groups > 1, this.hasScales),
      ...(groupSize !== undefined && { blockSize: groupSize }),
      entries: kind.entries,
      ...(kind.kind !== 'uniform' && { gain: gain || this.gainsTables }),
      ...(codes?.rounding && { rounding: codes.rounding }),
    };
    this.notes = [
      ...(note === undefined ? [] : [note]),
      ...(mayPack && !isPacked
        ? [
            `The indices take 8 bits each in the file: below opset ${FOUR_BIT_OPSET} there is no type of 4 bits.`,
          ]
        : []),
    ];
    this.bytes =
      this.indexBytes +
      4 * this.groups * kind.entries +
      (this.hasScales ? 4 * channels : 0) +
      (this.isGrouped ? 8 * tensor.dims.length : 0);
  }

  private get isPacked(): boolean {
    return this.irVersion > 0;
  }

  private get isGrouped(): boolean {
    return this.groups > 1;
  }

  private get indexType(): DataType {
    return this.isPacked ? DataType.UINT4 : DataType.UINT8;
  }

  private get indexBytes(): number {
    return rawByteLength(this.indexType, elementsOf(this.channels)) ?? 0;
  }

  async fit(): Promise<FittedFacts> {
    const [first] = (await this.codebook()).codebooks;
    return first && this.spec.kind.kind === 'powers of two' ? { exponents: exponentsOf(first) } : {};
  }

  private codebook(): Promise<WeightCodebook> {
    this.fitted ??= this.fitCodebook();
    return this.fitted;
  }

  private async fitCodebook(): Promise<WeightCodebook> {
    const { kind, importance, codes } = this.spec;
    const known = await this.base?.codebook();
    if (known && codes) return this.compensated(known, codes);
    const values = await floatsOf(this.tensor);
    const fitted =
      known ??
      fitCodebook(values, this.channels, kind, {
        ...this.options,
        ...(importance && { importance: importance() }),
      });
    if (this.gainsTables) return this.withGains(fitted, values);
    return this.gainsChannels ? withGain(values, fitted) : fitted;
  }

  /** The codebook of the same weight with the nearest codes, for codes that were chosen from its grid. */
  private compensated(known: WeightCodebook, compensated: CompensatedCodes): WeightCodebook {
    checkCodes(compensated, elementsOf(this.channels), 0, this.spec.kind.entries - 1);
    const factors = sliceFactors(compensated, this.tensor.dims, this.scaledAxis, this.channels);
    if (!factors) return known;
    return {
      ...known,
      storedScales: scalesOf(known).map((scale, channel) => scale * (factors[channel] ?? 1)),
    };
  }

  private async indices(): Promise<Uint8Array> {
    const { codes } = this.spec;
    const fitted = await this.codebook();
    return codes ? Uint8Array.from(codes.codes) : codebookIndices(await floatsOf(this.tensor), fitted);
  }

  /** Tables of which each is multiplied so that rounding does not shrink what it stands for. */
  private withGains(fitted: WeightCodebook, values: Float32Array): WeightCodebook {
    const { outer, channels, inner } = this.channels;
    const perTable = { outer, channels: this.groups, inner: (channels / this.groups) * inner };
    const gains = sliceGains(values, lookUp(codebookIndices(values, fitted), fitted), perTable);
    const codebooks = fitted.codebooks.map(({ values: table, thresholds }, at) => ({
      values: table.map((value) => value * (gains[at] ?? 1)),
      thresholds,
    }));
    return { ...fitted, codebooks };
  }

  async values(): Promise<Float32Array> {
    return lookUp(await this.indices(), await this.codebook());
  }

  async codeUse(): Promise<CodeUse> {
    const fitted = await this.codebook();
    const counts = new Float64Array(this.spec.kind.entries);
    for (const index of await this.indices()) {
      counts[index] = (counts[index] ?? 0) + 1;
    }
    return {
      possible: counts.length,
      first: 0,
      counts,
      tables: fitted.codebooks.map(({ values }) => values),
      ...(this.hasScales && { scales: scalesOf(fitted) }),
    };
  }

  async grid(): Promise<WeightGrid> {
    const fitted = await this.codebook();
    if (!this.gainsTables) return codebookStoredGrid(fitted);
    // The thresholds are those of the tables without gain.
    return codebookStoredGrid({
      ...fitted,
      codebooks: fitted.codebooks.map(({ values }) => nearestCodebook(values)),
    });
  }

  async limits(): Promise<WeightLimits> {
    return { layout: this.channels, ...codebookLimits(await this.codebook()) };
  }

  store(target: ConstantTarget, value: string, reader: NodeRef): string {
    const chain = new Chain(target, value, reader);
    const { dims } = this.tensor;
    const { entries } = this.spec.kind;
    const { channels } = this.channels;
    const count = elementsOf(this.channels);
    const indexDims = this.isGrouped ? [this.groups, count / this.groups] : dims;
    const tableDims = this.isGrouped ? [this.groups, entries] : [entries];
    const indices = collectable(async () => {
      const found = await this.indices();
      const sorted = this.isGrouped ? channelMajor(found, this.channels) : found;
      return this.isPacked ? packNibbles(sorted) : sorted;
    });
    const stored = chain.computed('indices', this.indexType, indexDims, this.indexBytes, indices);
    const values = async () => bytesOf(filledTables(await this.codebook(), entries));
    const table = chain.computed('codebook', DataType.FLOAT, tableDims, 4 * this.groups * entries, values);
    const positions = chain.node('Cast', [stored], { to: { int: DataType.INT32 } });
    const found = this.isGrouped
      ? this.inPlace(chain, chain.node('GatherElements', [table, positions], { axis: { int: 1 } }))
      : chain.node('Gather', [table, positions]);
    if (!this.hasScales) return found;
    const scaleDims = dims.map((_, axis) => (axis === this.channelAxis ? channels : 1));
    const scales = async () => bytesOf(scalesOf(await this.codebook()));
    const scale = chain.computed('channel_scale', DataType.FLOAT, scaleDims, 4 * channels, scales);
    return chain.node('Mul', [found, scale]);
  }

  /** Values in the order of the channels, brought into the tensor's own. */
  private inPlace(chain: Chain, value: string): string {
    const { dims } = this.tensor;
    const axes = dims.map((_, axis) => axis);
    const order = [this.channelAxis, ...axes.filter((axis) => axis !== this.channelAxis)];
    const sorted = order.map((axis) => dims[axis] ?? 0);
    const shape = chain.constant('shape', (name) => int64Tensor(name, sorted));
    const shaped = chain.node('Reshape', [value, shape]);
    if (this.channelAxis === 0) return shaped;
    return chain.node('Transpose', [shaped], { perm: { ints: axes.map((axis) => order.indexOf(axis)) } });
  }
}

function wordOf(isGrouped: boolean, hasScales: boolean): WeightGranularityWord {
  if (isGrouped) return 'per-group';
  return hasScales ? 'per-channel' : 'per-tensor';
}

/** Channels per table: as asked for, or the next fewer that divide all channels evenly; undefined: all share one. */
function groupSizeOf(
  granularity: Granularity | undefined,
  channels: number,
): { groupSize?: number; note?: string } {
  const [word, digits] = (granularity ?? '').split(':');
  if (word !== 'group') return {};
  const wanted = Number(digits);
  if (wanted >= channels) return {};
  let groupSize = wanted;
  while (channels % groupSize !== 0) groupSize--;
  if (groupSize === wanted) return { groupSize };
  return {
    groupSize,
    note: `Its ${channels} channels do not divide into groups of ${wanted}, so that each table serves ${groupSize}.`,
  };
}

function filledTables({ codebooks }: WeightCodebook, entries: number): Float32Array {
  const filled = new Float32Array(codebooks.length * entries);
  for (const [row, { values }] of codebooks.entries()) {
    filled.fill(values.at(-1) ?? 0, row * entries, (row + 1) * entries);
    filled.set(values, row * entries);
  }
  return filled;
}

function scalesOf({ scales, storedScales = scales, layout }: WeightCodebook): Float32Array {
  return storedScales ?? new Float32Array(layout.channels).fill(1);
}

/** Elements of one channel after another. */
function channelMajor(indices: Uint8Array, { outer, channels, inner }: AxisLayout): Uint8Array {
  const sorted = new Uint8Array(indices.length);
  for (let o = 0; o < outer; o++) {
    for (let channel = 0; channel < channels; channel++) {
      const from = (o * channels + channel) * inner;
      sorted.set(indices.subarray(from, from + inner), (channel * outer + o) * inner);
    }
  }
  return sorted;
}
