import { InputError } from '../../errors';
import { indexGraph } from '../../graph/graphIndex';
import { dequantizedRows } from '../../graph/quantization/dequantizedRows';
import { inferShapes } from '../../graph/shapes';
import type { NodeRef, Scope } from '../../graph/types';
import { attrInt, attrString, normalDomain } from '../../onnx/attributes';
import { makeNode } from '../../onnx/build';
import { dataTypeFacts } from '../../onnx/dtype';
import { derive } from '../../onnx/origin';
import { DataType, type Model, type Node, type Tensor } from '../../onnx/types';
import { elementCount, readFloat32 } from '../../onnx/tensor';
import { foldConstants } from '../foldConstants';
import { GraphChanges } from '../graphChanges';
import { Notes } from '../notes';
import type { Converted } from './converted';
import { floatConstant, lookedUp } from './dequantized';
import { DynamicProducts } from './dynamicProducts';
import { floatForm, nodesOf } from './floatForms';
import { FloatEquivalents } from './floatEquivalents';
import { dropOutputCopies } from './dropOutputCopies';
import { listOldInitializers } from './listOldInitializers';
import { ignoresCodes, isQuantization, movesValues } from './quantizedOperators';

/**
 * The float model behind a quantized one. Constants behind DequantizeLinear, in integer operators and in codebooks become
 * float constants, of the type of their scales, computed when they are written; Q/DQ pairs on activations go;
 * operators on quantized values become their float operators. Subgraphs and functions are included. Rounding is gone;
 * what quantizing cut off below zero in place of a Relu is cut off by a Relu again. Reads no large payload.
 * @param dimensions sizes for symbolic dimensions.
 * @throws InputError naming the first operator that cannot be taken back
 */
export function removeQuantization(
  model: Model,
  dimensions: Readonly<Record<string, number>> = {},
): Converted {
  const index = indexGraph(model);
  const notes = new Notes();
  const changes = new GraphChanges(model);
  const values = new FloatEquivalents(index, changes, notes);
  const remover = new Remover(values, new DynamicProducts(values), inferShapes(index, dimensions));
  for (const scope of index.scopes) for (const ref of index.sortedNodes(scope)) remover.visit(ref);
  if (remover.changed === 0) return { model, changed: 0, notes: [] };
  const applied = changes.apply();
  refuseRest(applied);
  const float = foldBehind(retype(applied, remover.retyped), values.added);
  const result = listOldInitializers(dropOutputCopies(float, remover.copies));
  return { model: result, changed: remover.changed, notes: notes.sentences() };
}

class Remover {
  changed = 0;
  /** Values that were integers, by scope container. */
  readonly retyped = new Set<string>();
  /** Names of the Identity nodes that give an output its name. */
  readonly copies = new Set<string>();
  /** Weights that were looked up in a codebook, and may be scaled. */
  private readonly lookups = new Map<Scope, Map<string, Tensor>>();

  constructor(
    private readonly values: FloatEquivalents,
    private readonly products: DynamicProducts,
    private readonly shapes: ReturnType<typeof inferShapes>,
  ) {}

  visit(ref: NodeRef): void {
    const { node } = ref;
    if (isQuantization(node)) this.changed++;
    const domain = normalDomain(node.domain);
    const isStandard = domain === '' || domain === 'com.microsoft';
    if (isStandard && node.opType === 'QuantizeLinear') return this.quantize(ref);
    if (isStandard && node.opType === 'DequantizeLinear') return this.dequantize(ref);
    if (this.products.visit(ref)) return;
    const form = floatForm(ref);
    if (form) return this.replace(ref, form(ref, { values: this.values, shapes: this.shapes }));
    if (this.lookUpFloat(ref) || this.foldCodebook(ref)) return;
    this.pass(ref);
  }

  private quantize(ref: NodeRef): void {
    const { node, scope } = ref;
    const [value = '', scale = '', zeroPoint = ''] = node.input;
    const [output = ''] = node.output;
    if (this.shapes.dtypeOf(scope, value) === (DataType.INT32 as number)) {
      this.values.refuse(ref, 'it scales integers, not real numbers.');
    }
    this.refuseOutput(ref, output);
    const read = this.values.get(scope, value)?.name ?? value;
    const zero = this.values.tensor(ref, 2);
    const signed = zeroPoint === '' && attrInt(node, 'output_dtype', 0) === (DataType.INT8 as number);
    const isConstant = this.values.index.constant(scope, value) !== undefined;
    // A constant was quantized with its own range: it has no Relu.
    const bounded =
      isConstant || signed
        ? { name: read, nodes: [] }
        : this.values.saturated(ref, read, this.values.tensor(ref, 1), zero);
    this.values.changes.replace(node, ...bounded.nodes);
    this.values.set(scope, output, { name: bounded.name, scale, zeroPoint });
  }

  private dequantize(ref: NodeRef): void {
    const { node, scope } = ref;
    const [output = ''] = node.output;
    const layout = { axis: attrInt(node, 'axis', 1), blockSize: attrInt(node, 'block_size', 0) };
    const float = this.values.operand(ref, 0, layout);
    const container = scope.container;
    const isOutput = container.output.some(
      (each) => (typeof each === 'string' ? each : each.name) === output,
    );
    if (isOutput) {
      const copy = makeNode({ opType: 'Identity', name: ref.name, input: [float], output: [output] });
      this.copies.add(ref.name);
      this.values.changes.replace(node, copy);
    } else {
      this.values.changes.replace(node);
      this.values.changes.redirect(output, float, container);
    }
    if (this.values.isBounded(scope, float)) this.values.markBounded(scope, output);
  }

  private replace(ref: NodeRef, form: ReturnType<NonNullable<ReturnType<typeof floatForm>>>): void {
    const { node, scope } = ref;
    const [output = ''] = node.output;
    const { changes } = this.values;
    const nodes = nodesOf(ref, form, output, this.values);
    if (form.result === undefined) {
      changes.replace(node, ...nodes);
      return;
    }
    this.refuseOutput(ref, output);
    this.retyped.add(output);
    for (const made of nodes) this.values.followBounds({ ...ref, node: made });
    const [scale = '', zeroPoint = ''] = node.input.slice(form.result);
    const tensors = [0, 1].map((offset) => this.values.tensor(ref, (form.result ?? 0) + offset));
    const bounded = this.values.saturated(ref, output, tensors[0], tensors[1]);
    changes.replace(node, ...nodes, ...bounded.nodes);
    // The Relu reads the name that others are sent away from.
    if (bounded.name === output) this.values.set(scope, output, { name: output, scale, zeroPoint });
    else this.renameBehind(ref, nodes, bounded, { scale, zeroPoint });
  }

  /** Gives the result of `nodes` a name of its own, so that readers of the old one can read what bounds it. */
  private renameBehind(
    ref: NodeRef,
    nodes: readonly Node[],
    bounded: { readonly name: string; readonly nodes: readonly Node[] },
    params: { readonly scale: string; readonly zeroPoint: string },
  ): void {
    const [output = ''] = ref.node.output;
    const unbounded = this.values.changes.fresh(`${output}_unbounded`);
    const rename = (name: string) => (name === output ? unbounded : name);
    const renamed = [...nodes, ...bounded.nodes].map((node) => ({
      ...node,
      input: node.input.map(rename),
      output: node.output.map(rename),
    }));
    this.values.changes.replace(ref.node, ...renamed);
    this.values.set(ref.scope, output, { name: bounded.name, ...params });
  }

  /** A float operator, or one that moves codes as it would move numbers. */
  private pass(ref: NodeRef): void {
    const { node, scope } = ref;
    const codes = node.input.filter((value) => this.values.get(scope, value));
    if (codes.length === 0) return this.values.followBounds(ref);
    if (ignoresCodes(node)) return;
    const [first = ''] = codes;
    const float = this.values.get(scope, first);
    const isWhole = node.opType !== 'Concat' || codes.length === node.input.length;
    if (!movesValues(node) || !isWhole || !float) {
      this.values.refuse(ref, `it computes with the codes of "${first}".`);
    }
    if (node.opType === 'Pad') this.padFloat(ref, float);
    this.values.followBounds(ref);
    for (const output of node.opType === 'Split' ? node.output : node.output.slice(0, 1)) {
      this.refuseOutput(ref, output);
      this.retyped.add(output);
      this.values.set(scope, output, { ...float, name: output });
    }
  }

  /** What codes are padded with is a code too: mostly the zero point. */
  private padFloat(
    ref: NodeRef,
    { scale, zeroPoint }: { readonly scale?: string; readonly zeroPoint?: string },
  ): void {
    const { node, scope } = ref;
    if (attrString(node, 'mode', 'constant') !== 'constant') return;
    const constant = (value: string | undefined) => this.values.index.constant(scope, value ?? '')?.tensor;
    const fill = constant(node.input[2]);
    const scaleTensor = constant(scale);
    if (!fill || !scaleTensor)
      return this.values.refuse(ref, 'it pads codes with a value that is not constant.');
    const name = this.values.constant(ref, node.input[2] ?? '', {
      codes: fill,
      scale: scaleTensor,
      zeroPoint: constant(zeroPoint),
    });
    const input = node.input.map((value, position) => (position === 2 ? name : value));
    this.values.changes.edit(node, { input });
  }

  /** A table of codes whose rows are dequantized once they were looked up: the table itself becomes float. */
  private lookUpFloat(ref: NodeRef): boolean {
    const { node, scope } = ref;
    const codes = this.values.tensor(ref, 0);
    const rows = dequantizedRows(this.values.index, ref);
    const parameters = [rows?.scale, rows?.zeroPoint];
    if (!codes || !rows?.scale || parameters.some((each) => each?.constant.overridable)) return false;
    const [, scale = '', zeroPoint = ''] = rows.dequantize.node.input;
    if (zeroPoint !== '' && !rows.zeroPoint) return false;
    const { tensor } = rows.scale.constant;
    // Scales of anything else than the rows stand along an axis of what was looked up.
    if (!rows.scale.perRow && elementCount(tensor) !== 1) return false;
    const blockSize = attrInt(rows.dequantize.node, 'block_size', 0);
    const isBlocked = rows.scale.perRow && elementCount(tensor) > (codes.dims[0] ?? 1);
    const table = this.values.constant(ref, node.input[0] ?? '', {
      codes,
      scale: tensor,
      zeroPoint: rows.zeroPoint?.constant.tensor,
      ...(isBlocked ? { axis: 1, blockSize } : { axis: 0 }),
    });
    const [output = ''] = node.output;
    this.refuseOutput(ref, output);
    this.retyped.add(output);
    this.values.changes.edit(node, { input: [table, ...node.input.slice(1)] });
    this.values.set(scope, output, { name: output, ...(!rows.scale.perRow && { scale, zeroPoint }) });
    return true;
  }

  /** Indices → Cast → Gather(codebook) or GatherElements(codebooks) → Mul by scales: the weight itself. */
  private foldCodebook(ref: NodeRef): boolean {
    const { node, scope } = ref;
    if (normalDomain(node.domain) !== '') return false;
    const [output = ''] = node.output;
    const isLookup = node.opType === 'Gather' || node.opType === 'GatherElements';
    const folded = isLookup ? this.lookup(ref) : node.opType === 'Mul' ? this.scaled(ref) : undefined;
    if (!folded) return false;
    const known = this.lookups.get(scope) ?? new Map<string, Tensor>();
    this.lookups.set(scope, known.set(output, folded));
    this.values.addConstant(scope, folded);
    this.values.changes.replace(node);
    this.values.changes.redirect(output, folded.name, scope.container);
    if (isLookup) this.changed++;
    return true;
  }

  private lookup(ref: NodeRef): Tensor | undefined {
    const { index, changes } = this.values;
    const table = this.values.tensor(ref, 0);
    const cast = index.producer(ref.scope, ref.node.input[1] ?? '');
    // Groups of channels have their own rows of a table.
    const isGrouped = ref.node.opType === 'GatherElements';
    if (isGrouped && attrInt(ref.node, 'axis', 0) !== 1) return undefined;
    if (
      table?.dims.length !== (isGrouped ? 2 : 1) ||
      !dataTypeFacts(table.dataType)?.isFloat ||
      cast?.node.opType !== 'Cast'
    )
      return undefined;
    const indices = this.values.tensor(cast, 0);
    const facts = indices && dataTypeFacts(indices.dataType);
    // Positions of an ordinary look-up are int32 or int64.
    if (!indices || !facts || facts.isFloat || facts.bits > 16) return undefined;
    return lookedUp(changes.fresh(cast.node.input[0]?.replace(/_indices$/, '') ?? ''), table, indices);
  }

  private scaled(ref: NodeRef): Tensor | undefined {
    const { node, scope } = ref;
    const lookups = this.lookups.get(scope);
    const position = node.input.findIndex((value) => lookups?.has(value));
    const weight = lookups?.get(node.input[position] ?? '');
    const scale = this.values.tensor(ref, 1 - position);
    const isBroadcast = scale?.dims.length === weight?.dims.length;
    const axis = scale?.dims.findIndex((size) => size !== 1) ?? 0;
    const fits = scale?.dims.every((size, at) => size === 1 || (at === axis && size === weight?.dims[at]));
    if (!weight || !scale || !isBroadcast || !fits) return undefined;
    const inner = weight.dims.slice(axis + 1).reduce((product, size) => product * size, 1);
    const count = axis < 0 ? 1 : (scale.dims[axis] ?? 1);
    // What only this Mul reads is not stored beside its product.
    const isAlone = this.values.index.consumers(scope, node.input[position] ?? '').length === 1;
    if (isAlone) this.values.dropConstant(scope, weight);
    const name = isAlone ? weight.name : this.values.changes.fresh(`${weight.name}_scaled`);
    return floatConstant(name, weight.dataType, weight.dims, async () => {
      const scales = await readFloat32(scale);
      return (await readFloat32(weight)).map(
        (value, i) => value * (scales[Math.floor(i / inner) % count] ?? 0),
      );
    });
  }

  /** Integers that a model gives out are its interface. */
  private refuseOutput(ref: NodeRef, output: string): void {
    if (!this.values.index.isOutput(ref.scope, output)) return;
    this.values.refuse(ref, `the model gives out its integers as "${output}".`);
  }
}

/** Drops the declared types of values that were integers. */
function retype(model: Model, names: ReadonlySet<string>): Model {
  const { graph } = model;
  if (!graph) return model;
  const valueInfo = graph.valueInfo.filter(({ name }) => !names.has(name));
  return valueInfo.length === graph.valueInfo.length
    ? model
    : derive(model, { graph: derive(graph, { valueInfo }) });
}

/** Weights that were stored in another shape or order: the nodes behind them are computed too. */
function foldBehind(model: Model, constants: ReadonlySet<string>): Model {
  const layout = ['Reshape', 'Transpose', 'Cast', 'Identity', 'Squeeze', 'Unsqueeze'];
  const reached = new Set(constants);
  const only = model.graph?.node.filter(({ opType, domain, input, output }) => {
    const isBehind = normalDomain(domain) === '' && layout.includes(opType) && reached.has(input[0] ?? '');
    if (isBehind) reached.add(output[0] ?? '');
    return isBehind;
  });
  return only && only.length > 0 ? foldConstants(model, new Set(only)) : model;
}

/** @throws InputError for the first operator on quantized values that is left */
function refuseRest(model: Model): void {
  const rest = indexGraph(model).nodes.filter(({ node }) => isQuantization(node));
  const [first] = rest;
  if (!first) return;
  const others = rest.length > 1 ? ` (and ${rest.length - 1} more)` : '';
  throw new InputError(
    `"${first.name}" (${first.node.opType})${others} cannot be made float again: Roundoff has no float form for it there.`,
  );
}
