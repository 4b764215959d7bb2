import { asNumbers } from '../calibrate/floats';
import type { LayerDifference, ValueDifference } from '../compareResults';
import { RoundoffError } from '../errors';
import type { NodeRef } from '../graph/types';
import type { Feeds, RuntimeTensor } from '../ports';
import { ErrorAccumulator } from '../quant/metrics';
import { fromCodes } from './convertTensor';
import type { GraphSide } from './graphSide';
import type { LayerPair } from './layerPairs';

interface Errors {
  readonly accumulated: ErrorAccumulator;
  readonly local: ErrorAccumulator;
  nodesOfB: readonly NodeRef[];
  accumulatedFails?: string;
  localFails?: string;
}

/** What every layer of b gives against what a gives, over any number of samples. A layer that cannot be compared tells why. */
export class LayerErrors {
  private readonly errors = new Map<LayerPair, Errors>();

  constructor(
    private readonly b: GraphSide,
    pairs: readonly LayerPair[],
  ) {
    for (const pair of pairs) {
      const name = pair.gives.a;
      const [accumulated, local] = [new ErrorAccumulator(name), new ErrorAccumulator(name)];
      this.errors.set(pair, { accumulated, local, nodesOfB: [pair.nodeOfB] });
    }
  }

  /** @param given values of a, @param results values of b, both by name. */
  addAccumulated(pairs: readonly LayerPair[], given: Feeds, results: Feeds): void {
    for (const pair of pairs) {
      const errors = this.errors.get(pair);
      if (!errors || errors.accumulatedFails !== undefined) continue;
      const { a, b } = pair.gives;
      errors.accumulatedFails = this.add(errors.accumulated, pair, given[a], results[b]);
    }
  }

  addLocal(pair: LayerPair, given: RuntimeTensor | undefined, result: RuntimeTensor | undefined): void {
    const errors = this.errors.get(pair);
    if (!errors || errors.localFails !== undefined) return;
    errors.localFails = this.add(errors.local, pair, given, result);
  }

  /** Why a layer cannot run alone. */
  failLocally(pair: LayerPair, reason: string): void {
    const errors = this.errors.get(pair);
    if (errors) errors.localFails ??= reason;
  }

  /** The nodes that compute what the layer of b gives. */
  noteNodes(pair: LayerPair, nodes: readonly NodeRef[]): void {
    const errors = this.errors.get(pair);
    if (errors) errors.nodesOfB = [pair.nodeOfB, ...nodes.filter((node) => node !== pair.nodeOfB)];
  }

  toJson(): LayerDifference[] {
    return [...this.errors].map(([{ layer, nodesOfA, gives }, errors]) => {
      const { accumulated, local, accumulatedFails, localFails, nodesOfB } = errors;
      const reason = accumulatedFails ?? localFails;
      return {
        layer: layer.name,
        op: layer.op,
        a: { nodes: nodesOfA.map(({ name }) => name), value: gives.a },
        b: { nodes: nodesOfB.map(({ name }) => name), value: gives.b },
        accumulated: accumulatedFails === undefined ? differenceOf(accumulated) : null,
        local: localFails === undefined ? differenceOf(local) : null,
        ...(reason !== undefined && { reason }),
      };
    });
  }

  /** @returns what is wrong when the two cannot be compared. */
  private add(
    errors: ErrorAccumulator,
    { gives }: LayerPair,
    given: RuntimeTensor | undefined,
    result: RuntimeTensor | undefined,
  ): string | undefined {
    const reference = given && asNumbers(given);
    const codes = result && asNumbers(result);
    if (!reference || !codes) return 'What it gives are not numbers.';
    if (reference.length !== codes.length) {
      return `It gives [${given.dims.join(', ')}] in the first model and [${result.dims.join(', ')}] in the second.`;
    }
    const format = this.b.codesOf(gives.b);
    try {
      errors.add(reference, format ? fromCodes(codes, format) : codes);
      return undefined;
    } catch (error) {
      if (error instanceof RoundoffError) return error.message;
      throw error;
    }
  }
}

function differenceOf({ sqnrDb, nmse, cosine, maxAbs }: ErrorAccumulator): ValueDifference {
  return { sqnrDb, nmse, cosine, maxAbs };
}
