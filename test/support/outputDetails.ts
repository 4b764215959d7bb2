import type { OutputDetails } from '../../src/core/compareResults';

/** Details of an output about which nothing is known but what a test says. */
export function outputDetails(part: Partial<OutputDetails> = {}): OutputDetails {
  return {
    classes: 10,
    classNames: {},
    samples: [],
    flips: [],
    flipCount: 0,
    vectors: 600,
    confusion: { labelled: 0, kinds: 0, mistakes: [] },
    differences: null,
    points: [],
    stride: 1,
    elements: 6000,
    ...part,
  };
}
