import type { NodeRef } from '../../graph/types';
import { type AttributeValue, makeNode, makeTensor } from '../../onnx/build';
import { ComputedPayload } from '../../onnx/payload';
import type { DataType, Tensor } from '../../onnx/types';
import type { ConstantTarget } from './encodedWeight';

/** Adds the initializers and nodes that stand for one value, named after it, before its reader. */
export class Chain {
  constructor(
    private readonly target: ConstantTarget,
    private readonly value: string,
    private readonly reader: NodeRef,
  ) {}

  /** @returns the name of the initializer: that of the value with `suffix`. */
  constant(suffix: string, make: (name: string) => Tensor): string {
    const name = this.target.fresh(`${this.value}_${suffix}`);
    this.target.addInitializer(make(name));
    return name;
  }

  /** A constant of `byteLength` bytes that are computed when they are written. */
  computed(
    suffix: string,
    dataType: DataType,
    dims: readonly number[],
    byteLength: number,
    compute: () => Promise<Uint8Array>,
  ): string {
    const payload = new ComputedPayload(byteLength, compute);
    return this.constant(suffix, (name) => makeTensor(name, dataType, dims, payload));
  }

  /** @returns the name of the node's output. */
  node(
    opType: string,
    input: readonly string[],
    attributes: Readonly<Record<string, AttributeValue>> = {},
    domain = '',
  ): string {
    const name = this.target.fresh(`${this.value}_${opType}`);
    const output = this.target.fresh(`${this.value}_${opType}_Output`);
    const node = makeNode({ opType, name, input, output: [output], attributes, domain });
    this.target.insertBefore(this.reader.node, node);
    return output;
  }
}
