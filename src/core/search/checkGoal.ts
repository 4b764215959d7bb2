import { InputError } from '../errors';
import type { OutputDescription } from '../graph/types';
import type { Model } from '../onnx/types';
import type { Runtime, Slice, Work } from '../ports';
import type { SearchGoal } from '../searchResults';
import { requireLabels } from '../scan/requireLabels';
import { searchMetric } from './goals';

/**
 * Tells before the work what of a goal the model or the data cannot have.
 * @param verify the samples that plans are held against the goal with.
 * @throws InputError when the model has no classes, or the samples have no labels that fit, and the goal needs them; or when
 * there are no samples.
 */
export async function checkGoal(
  runtime: Runtime,
  model: Model,
  goal: SearchGoal,
  outputs: readonly OutputDescription[],
  verify: Slice,
  work: Work,
): Promise<void> {
  searchMetric(goal, outputs);
  if (verify.length === 0) {
    throw new InputError('There are no samples left to verify plans with: give more, or ask for fewer.');
  }
  if (goal.kind !== 'cap' || goal.error !== 'accuracyDrop') return;
  const missing =
    'A limit of accuracy needs labels with the samples: give data with labels, or another limit, such as --max-kl.';
  await requireLabels(runtime, model, verify, outputs, missing, work);
}
