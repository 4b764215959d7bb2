import type { GraphIndex } from '../graph/graphIndex';
import type { NodeRef } from '../graph/types';
import { bytesOf, floatTensor, makeNode, makeTensor } from '../onnx/build';
import { rawByteLength } from '../onnx/dtype';
import { ComputedPayload } from '../onnx/payload';
import { readFloat32 } from '../onnx/tensor';
import { DataType, type Tensor } from '../onnx/types';
import {
  codebookError,
  codebookIndices,
  fitCodebook,
  packNibbles,
  type WeightCodebook,
} from '../quant/codebook';
import type { CodebookKind } from '../quant/scheme';
import type { WeightError } from '../quant/weights';
import type { GraphChanges } from './graphChanges';
import { layoutOf } from './layerWeights';
import { collectable } from './lazyTensor';
import { defaultOpset } from './opset';

/** A constant as indices into a codebook, computed when written. */
export interface CodebookConstant {
  readonly tensor: Tensor;
  readonly axis: number | undefined;
  readonly fitted: WeightCodebook;
}

/** Opset and IR version that have UINT4. */
export const FOUR_BIT_OPSET = 21;
const FOUR_BIT_IR_VERSION = 10;
/** Entries that an index of 4 bits can name. */
export const FOUR_BIT_ENTRIES = 16;

const fits = new WeakMap<Tensor, Map<string, Promise<WeightCodebook>>>();

/**
 * Fits a codebook to a constant float tensor.
 * @param axis the axis that may have a scale per slice; undefined: none has. The codebook is remembered per tensor.
 */
export async function fitConstant(
  tensor: Tensor,
  kind: CodebookKind,
  axis: number | undefined,
): Promise<CodebookConstant> {
  const known = fits.get(tensor) ?? new Map<string, Promise<WeightCodebook>>();
  fits.set(tensor, known);
  const key = `${kind.kind} ${kind.entries} ${axis ?? ''}`;
  let fitted = known.get(key);
  if (!fitted) {
    fitted = readFloat32(tensor).then((values) => fitCodebook(values, layoutOf(tensor, axis), kind));
    known.set(key, fitted);
  }
  return { tensor, axis, fitted: await fitted };
}

export async function measureCodebook({ tensor, fitted }: CodebookConstant): Promise<WeightError> {
  return codebookError(await readFloat32(tensor), fitted);
}

/**
 * Writes constants as indices → Cast → Gather(codebook) → Mul by a scale per channel, where there is one. The runtime
 * computes these nodes once, when it loads the model. (Integers after the Gather and a DequantizeLinear would stay in
 * the graph and run every time.)
 */
export class CodebookWriter {
  /** Constants already stored: layers that share a weight share its indices. */
  private readonly stored = new Map<WeightCodebook, string>();
  private readonly mayPack: boolean;
  private hasPacked = false;

  constructor(
    { model }: GraphIndex,
    private readonly changes: GraphChanges,
  ) {
    this.mayPack = (defaultOpset(model.opsetImport) ?? 0) >= FOUR_BIT_OPSET;
  }

  /** IR version that the written constants need; 0 when any will do. */
  get leastIrVersion(): number {
    return this.hasPacked ? FOUR_BIT_IR_VERSION : 0;
  }

  /** Bits of one index in the file: UINT4 holds up to 16 entries, from opset 21. */
  storedBits({ fitted }: CodebookConstant): 4 | 8 {
    return this.mayPack && fitsFourBits(fitted) ? 4 : 8;
  }

  /** True when the indices would fit 4 bits, but the model's opset has no type for them. */
  wastesBits({ fitted }: CodebookConstant): boolean {
    return !this.mayPack && fitsFourBits(fitted);
  }

  /** Bytes in the file: indices, codebook and scales. */
  bytesOf(constant: CodebookConstant): number {
    const { scales } = constant.fitted;
    const values = tableOf(constant.fitted);
    return indexBytes(constant, this.storedBits(constant)) + 4 * values.length + 4 * (scales?.length ?? 0);
  }

  /**
   * Stores a constant, with its nodes before `reader`.
   * @param value the constant's name, from which the new ones are made.
   * @returns the value to read instead.
   */
  add(value: string, reader: NodeRef, constant: CodebookConstant): string {
    const known = this.stored.get(constant.fitted);
    if (known !== undefined) return known;
    const { scales } = constant.fitted;
    const values = tableOf(constant.fitted);
    const indices = this.addIndices(value, constant);
    const table = this.addFloats(`${value}_codebook`, values, [values.length]);
    const positions = this.addNode(reader, 'Cast', value, [indices], { to: { int: DataType.INT32 } });
    let result = this.addNode(reader, 'Gather', value, [table, positions]);
    if (scales) {
      const { dims } = constant.tensor;
      const scaleDims = dims.map((_, axis) => (axis === constant.axis ? scales.length : 1));
      const scale = this.addFloats(`${value}_channel_scale`, scales, scaleDims);
      result = this.addNode(reader, 'Mul', value, [result, scale]);
    }
    this.stored.set(constant.fitted, result);
    return result;
  }

  private addIndices(value: string, constant: CodebookConstant): string {
    const { tensor, fitted } = constant;
    const bits = this.storedBits(constant);
    const compute = collectable(async () => {
      const indices = codebookIndices(await readFloat32(tensor), fitted);
      return bytesOf(bits === 4 ? packNibbles(indices) : indices);
    });
    if (bits === 4) this.hasPacked = true;
    const name = this.changes.fresh(`${value}_indices`);
    const payload = new ComputedPayload(indexBytes(constant, bits), compute);
    this.changes.addInitializer(makeTensor(name, indexType(bits), tensor.dims, payload));
    return name;
  }

  private addFloats(wanted: string, values: Float32Array, dims: readonly number[]): string {
    const name = this.changes.fresh(wanted);
    this.changes.addInitializer(floatTensor(name, values, dims));
    return name;
  }

  private addNode(
    reader: NodeRef,
    opType: string,
    value: string,
    input: readonly string[],
    attributes: Readonly<Record<string, { readonly int: number }>> = {},
  ): string {
    const name = this.changes.fresh(`${value}_${opType}`);
    const output = this.changes.fresh(`${value}_${opType}_Output`);
    this.changes.insertBefore(reader.node, makeNode({ opType, name, input, output: [output], attributes }));
    return output;
  }
}

function fitsFourBits(fitted: WeightCodebook): boolean {
  return tableOf(fitted).length <= FOUR_BIT_ENTRIES;
}

function tableOf({ codebooks: [codebook] }: WeightCodebook): Float32Array {
  return codebook?.values ?? new Float32Array(0);
}

function indexType(bits: 4 | 8): DataType {
  return bits === 4 ? DataType.UINT4 : DataType.UINT8;
}

function indexBytes({ tensor }: CodebookConstant, bits: 4 | 8): number {
  const count = tensor.dims.reduce((product, size) => product * size, 1);
  return rawByteLength(indexType(bits), count) ?? 0;
}
