import { InputError } from '../core/errors';
import type { EngineHandlers } from './messages';

/** The methods of the engine. Each lives in a file of its own, loaded when it is first called. */
export function createService(): EngineHandlers {
  const absent = async (): Promise<never> => {
    throw new InputError('Not available yet.');
  };
  return {
    inspect: absent,
    weightHashes: absent,
    describeData: absent,
    errorSplit: absent,
    quantize: absent,
    scan: absent,
    compare: absent,
    copyModel: absent,
  };
}
