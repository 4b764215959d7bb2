import { ModelSession } from '../../src/extension/editor/modelSession';
import type { CallOptions, SessionEngine } from '../../src/extension/sessionEngine';
import type { EngineMethod } from '../../src/shared/rpc';
import type { ViewEvent } from '../../src/shared/viewRpc';
import { summaryOfThree } from '../support/viewRows';

export type Handler = (request: unknown, options: CallOptions) => unknown;

/** Answers as told; an unexpected call fails the test. */
function fakeEngine(handlers: Partial<Record<EngineMethod, Handler>>): SessionEngine {
  return {
    call: async (method, request, options = {}) => {
      const handler = handlers[method];
      if (!handler) throw new Error(`Unexpected call of ${method}.`);
      return (await handler(request, options)) as never;
    },
  };
}

/** A session over an engine that answers as told, and what its views hear. */
export function openSession(handlers: Partial<Record<EngineMethod, Handler>>) {
  const engine = fakeEngine({ inspect: () => summaryOfThree(), weightHashes: () => hashes, ...handlers });
  const session = new ModelSession(engine, {
    uri: 'file:///m/model.onnx',
    name: 'model.onnx',
    planFile: 'model.quant.json',
    resolveData: (data) => `/m/${data}`,
    cache: '/cache',
    lookOnly: () => null,
  });
  const events: ViewEvent[] = [];
  session.onEvent((event) => events.push(event));
  return { session, events };
}

export const hashes = { conv1: 'sha256:1111111111111111', conv2: 'sha256:2222222222222222' };
