/** Plans of an imagined search, for the tests of the view. */
import type { VerifiedPlan } from '../../src/core/searchResults';
import type { SearchPointView } from '../../src/shared/viewRpc';
import type { Found } from '../../webview/charts/planCosts';

export function verifiedPlan(error: number, part: Partial<VerifiedPlan> = {}): VerifiedPlan {
  return {
    slice: 'verify',
    samples: 200,
    error,
    standardError: null,
    sqnrDb: 30,
    agreement: 0.98,
    accuracy: null,
    ...part,
  };
}

export function searchPoint(id: number, part: Partial<SearchPointView> = {}): SearchPointView {
  return {
    id,
    bytes: 1e6 * (id + 1),
    bops: 1e9 * (id + 1),
    latencyMs: null,
    floatLayers: id,
    predicted: 0.1 / 4 ** id,
    verified: null,
    formats: [
      ['w4,block:32', 4 - id],
      ['w8a8', id + 1],
    ],
    keeps: ['fc'],
    ...part,
  };
}

/** Four plans, two of them run; the third is the search's choice, the second is in the plan file. */
export function searchFound(part: Partial<Found> = {}): Found {
  return {
    goal: { kind: 'budget', cost: 'bytes', most: 0.4, ratio: true },
    metric: 'kl',
    recover: [],
    float: { bytes: 8e6, bops: 16e9, latencyMs: null },
    points: [
      searchPoint(0),
      searchPoint(1, { verified: verifiedPlan(0.04, { standardError: 0.01 }) }),
      searchPoint(2, { verified: verifiedPlan(0.005, { standardError: 0.002 }) }),
      searchPoint(3, { predicted: 0 }),
    ],
    chosen: 2,
    applied: 1,
    met: true,
    partial: false,
    random: false,
    ...part,
  };
}
