/** A client that tells its parent the engine's process id once the engine verifies a written file, for a test to kill it. */
import { defaultPlan } from '../../../src/core/plan/planFile';
import { EngineClient } from '../../../src/engine/client';

const [enginePath = '', file = '', data = '', output = ''] = process.argv.slice(2);
const client = new EngineClient({ enginePath });
await client.call(
  'quantize',
  { file, plan: { ...defaultPlan, activationRange: 'max' }, calibration: { data }, output },
  { onProgress: ({ message }) => message.startsWith('Verifying') && process.send?.(client.pid) },
);
