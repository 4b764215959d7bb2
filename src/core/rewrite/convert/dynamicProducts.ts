import type { NodeRef, Scope } from '../../graph/types';
import { normalDomain } from '../../onnx/attributes';
import { makeNode } from '../../onnx/build';
import type { Attribute } from '../../onnx/types';
import type { FloatEquivalents } from './floatEquivalents';

/** A MatMulInteger or ConvInteger whose sums have not been scaled yet. */
interface IntegerSums {
  readonly ref: NodeRef;
  /** What was quantized. */
  readonly data: string;
  /** Name of its scale. */
  readonly scale: string;
}

/**
 * Dynamic quantization as ONNX Runtime's tool writes it: DynamicQuantizeLinear(x) → MatMulInteger or ConvInteger with
 * constant codes → Cast → Mul by the product of both scales. The last becomes the float operator; what led there is then
 * read by nothing.
 */
export class DynamicProducts {
  private readonly sums = new Map<Scope, Map<string, IntegerSums>>();
  /** Quantized values → the names of their scales. */
  private readonly scales = new Map<string, string>();

  constructor(private readonly values: FloatEquivalents) {}

  /** @returns true when the node belongs to such a chain. */
  visit(ref: NodeRef): boolean {
    const { node, scope } = ref;
    if (normalDomain(node.domain) !== '') return false;
    switch (node.opType) {
      case 'DynamicQuantizeLinear': {
        const [codes = '', scale = ''] = node.output;
        this.scales.set(codes, scale);
        this.values.set(scope, codes, { name: node.input[0] ?? '' });
        return true;
      }
      case 'MatMulInteger':
      case 'ConvInteger': {
        const [codes = ''] = node.input;
        const data = this.values.get(scope, codes)?.name;
        const scale = this.scales.get(codes);
        if (data === undefined || scale === undefined) {
          this.values.refuse(ref, `"${codes}" is not quantized by a DynamicQuantizeLinear.`);
        }
        this.remember(scope, node.output[0] ?? '', { ref, data, scale });
        return true;
      }
      case 'Cast': {
        const sums = this.sums.get(scope)?.get(node.input[0] ?? '');
        if (sums) this.remember(scope, node.output[0] ?? '', sums);
        return sums !== undefined;
      }
      case 'Mul':
        return this.scale(ref);
      default:
        return false;
    }
  }

  private remember(scope: Scope, value: string, sums: IntegerSums): void {
    const known = this.sums.get(scope) ?? new Map<string, IntegerSums>();
    this.sums.set(scope, known.set(value, sums));
  }

  private scale(ref: NodeRef): boolean {
    const { node, scope } = ref;
    const position = node.input.findIndex((value) => this.sums.get(scope)?.has(value));
    const sums = this.sums.get(scope)?.get(node.input[position] ?? '');
    if (!sums) return false;
    const { index } = this.values;
    const scales = index.producer(scope, node.input[1 - position] ?? '');
    const own = scales?.node.opType === 'Mul' ? scales.node.input.indexOf(sums.scale) : -1;
    if (!scales || own < 0) return false;
    const isConv = sums.ref.node.opType === 'ConvInteger';
    const weight = this.values.constant(sums.ref, sums.ref.node.input[1] ?? '', {
      codes: this.values.needTensor(sums.ref, 1),
      scale: this.values.needTensor(scales, 1 - own),
      zeroPoint: sums.ref.node.input[3] ? this.values.needTensor(sums.ref, 3) : undefined,
      axis: isConv ? 0 : -1,
    });
    const attribute: readonly Attribute[] = isConv ? sums.ref.node.attribute : [];
    const made = makeNode({
      opType: isConv ? 'Conv' : 'MatMul',
      name: sums.ref.name.replace(/_quant$/, ''),
      input: [sums.data, weight],
      output: node.output,
    });
    this.values.changes.replace(node, { ...made, attribute });
    return true;
  }
}
