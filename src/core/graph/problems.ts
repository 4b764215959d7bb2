import { normalDomain } from '../onnx/attributes';
import { DataType, type Model, type Type } from '../onnx/types';
import type { Problem } from '../results';
import type { GraphIndex } from './graphIndex';
import { knownDomains, knownOperators } from './knownOperators';
import { findUnused } from './liveness';
import { listNames } from './names';
import type { Scope } from './types';

/** A list to read, not a log; a broken file can have one per node. */
const mostProblems = 50;

/** What a reader of the file should know before working with it, worst first. */
export function findProblems(index: GraphIndex): Problem[] {
  const found = [
    ...brokenReferences(index),
    ...outputProblems(index.model),
    ...unknownOperators(index),
    ...orderProblems(index),
    ...opsetProblems(index),
    ...duplicateNames(index),
    ...storageNotes(index),
    ...findUnused(index),
  ];
  const rank = { error: 0, warning: 1, info: 2 };
  found.sort((a, b) => rank[a.severity] - rank[b.severity]);
  if (found.length <= mostProblems) return found;
  const message = `${found.length - mostProblems} more problems are not listed.`;
  return [...found.slice(0, mostProblems), { severity: 'info', message, node: null }];
}

function brokenReferences(index: GraphIndex): Problem[] {
  if (!index.main) {
    return [{ severity: 'error', message: 'The file has no graph.', node: null }];
  }
  const problems: Problem[] = [];
  for (const { node, scope, name } of index.nodes) {
    const missing = node.input.filter((value) => value !== '' && !index.definingScope(scope, value));
    if (missing.length > 0) {
      problems.push({
        severity: 'error',
        message: `Node "${name}" reads ${listNames(missing)}, which nothing in the model defines.`,
        node: name,
      });
    }
  }
  for (const scope of index.scopes) {
    const names = scope.container.output.map((output) => (typeof output === 'string' ? output : output.name));
    const missing = names.filter((value) => value !== '' && !index.definingScope(scope, value));
    if (missing.length > 0) {
      problems.push({
        severity: 'error',
        message: `${title(scope)} gives out ${listNames(missing)}, which nothing in it computes.`,
        node: scope.owner?.name ?? null,
      });
    }
  }
  return problems;
}

function title(scope: Scope): string {
  if (scope.kind === 'graph') return 'The model';
  return scope.kind === 'function' ? `The function ${scope.id}` : `The subgraph ${scope.id}`;
}

const crashingTypes: ReadonlySet<number> = new Set([
  DataType.INT4,
  DataType.UINT4,
  DataType.INT2,
  DataType.UINT2,
  DataType.FLOAT4E2M1,
]);

/** Outputs that make ONNX Runtime end its process, so that the model must not be run. */
export function unrunnableOutputs(model: Model): { name: string; why: string }[] {
  return (model.graph?.output ?? []).flatMap(({ name, type }) => {
    const why = type && whyUnrunnable(type);
    return why ? [{ name, why }] : [];
  });
}

function whyUnrunnable(type: Type): string | undefined {
  if (type.tensorType && crashingTypes.has(type.tensorType.elemType))
    return 'has elements smaller than a byte';
  if (type.optionalType) return 'is optional';
  return undefined;
}

function outputProblems(model: Model): Problem[] {
  return unrunnableOutputs(model).map(({ name, why }) => ({
    severity: 'warning',
    message: `Output "${name}" ${why}: ONNX Runtime crashes on such outputs, so this model can be looked at but not run.`,
    node: null,
  }));
}

function unknownOperators(index: GraphIndex): Problem[] {
  const unknown = new Map<string, string[]>();
  for (const { node, name } of index.nodes) {
    const domain = normalDomain(node.domain);
    if (index.calledFunction(node)) continue;
    if (domain === '' ? knownOperators.has(node.opType) : knownDomains.has(domain)) continue;
    const operator = domain === '' ? node.opType : `${domain}.${node.opType}`;
    const nodes = unknown.get(operator) ?? [];
    nodes.push(name);
    unknown.set(operator, nodes);
  }
  return [...unknown].map(([operator, nodes]) => ({
    severity: 'warning',
    message: `Operator ${operator} (${listNames(nodes)}) is unknown to ONNX Runtime: the model can be looked at but not run.`,
    node: nodes[0] ?? null,
  }));
}

function orderProblems(index: GraphIndex): Problem[] {
  return index.scopes.flatMap((scope): Problem[] => {
    const cycle = index.nodesOnCycles(scope);
    if (cycle.length > 0) {
      const names = cycle.map(({ name }) => name);
      const message = `${title(scope)} has a cycle through ${listNames(names)}; it cannot run.`;
      return [{ severity: 'error', message, node: names[0] ?? null }];
    }
    const sorted = index.sortedNodes(scope);
    const early = index.nodesOf(scope).find((ref, position) => ref !== sorted[position]);
    if (!early) return [];
    const message = `${title(scope)} lists nodes before what they need (first "${early.name}"); the ONNX checker refuses that order.`;
    return [{ severity: 'warning', message, node: early.name }];
  });
}

function opsetProblems({ model }: GraphIndex): Problem[] {
  const version = model.opsetImport.find(({ domain }) => normalDomain(domain) === '')?.version;
  if (version === undefined) {
    const needed = (model.graph?.node ?? []).some(({ domain }) => normalDomain(domain) === '');
    return needed
      ? [
          {
            severity: 'warning',
            message: 'The model names no version of the ONNX operators (opset).',
            node: null,
          },
        ]
      : [];
  }
  const message = `Opset ${version} is older than ONNX Runtime supports (7): the model can be looked at but may not run.`;
  return version < 7 ? [{ severity: 'warning', message, node: null }] : [];
}

function duplicateNames(index: GraphIndex): Problem[] {
  const problems: Problem[] = [];
  const renamed = index.nodes.filter(({ node, name }) => node.name !== '' && node.name !== name);
  if (renamed.length > 0) {
    const message = `${renamed.length} node${renamed.length > 1 ? 's repeat names' : ' repeats a name'}; here they are called ${listNames(renamed.map(({ name }) => name))}.`;
    problems.push({ severity: 'info', message, node: renamed[0]?.name ?? null });
  }
  for (const scope of index.scopes) {
    const outputs = index.nodesOf(scope).flatMap(({ node }) => node.output.filter((value) => value !== ''));
    const seen = new Set<string>();
    const repeated = outputs.filter((value) => seen.has(value) || !seen.add(value));
    if (repeated.length > 0) {
      const message = `${title(scope)} computes ${listNames(repeated)} more than once; values need unique names.`;
      problems.push({ severity: 'error', message, node: null });
    }
  }
  return problems;
}

function storageNotes(index: GraphIndex): Problem[] {
  const notes: Problem[] = [];
  const isQuantization = ({ node }: { node: { opType: string } }): boolean =>
    /^(De|Dynamic)?[Qq]uantizeLinear$|^QLinear|^QGemm$|^MatMulNBits$|Integer(ToFloat)?$/.test(node.opType);
  const quantized = index.nodes.filter(isQuantization).length;
  if (quantized > 0) {
    notes.push({
      severity: 'info',
      message: `The model is quantized already: ${quantized} nodes quantize, dequantize or compute with integers.`,
      node: null,
    });
  }
  const halves = index.scopes
    .flatMap((scope) => index.initializers(scope))
    .filter(
      ({ dataType }) =>
        dataType === (DataType.FLOAT16 as number) || dataType === (DataType.BFLOAT16 as number),
    );
  if (halves.length > 0) {
    notes.push({
      severity: 'info',
      message: `${halves.length} weights are stored in 16-bit floating point. A quantized model computes in float32 where they are read.`,
      node: null,
    });
  }
  return notes;
}
