import type { ModelSummary } from '../../core/results';
import type { ModelView } from '../../shared/viewRpc';

/** How far the model of a session has been read. */
export type ModelState =
  /** `hasFirst`: the rows are the first of this model, not those of the one before it. */
  | { readonly state: 'loading'; readonly hasFirst: boolean }
  | { readonly state: 'failed'; readonly message: string }
  | { readonly state: 'ready'; readonly summary: ModelSummary };

/** Whether the rows are of this model: while it is read again, those from before are still there. */
export function hasOwnRows(model: ModelState): boolean {
  return model.state === 'loading' ? model.hasFirst : model.state === 'ready';
}

/** What views are told of it. */
export function modelViewOf(model: ModelState, rowCount: number): ModelView {
  if (model.state === 'loading') return { state: 'loading' };
  if (model.state === 'failed') return model;
  const { layers: _layers, nodes: _nodes, ...header } = model.summary;
  return { state: 'ready', header, rowCount };
}
