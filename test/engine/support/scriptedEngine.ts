/** An engine process whose methods do what the request's `file` says: for tests of the client and the protocol. */
import { mkdirSync, writeFileSync } from 'node:fs';
import { setTimeout as delay } from 'node:timers/promises';
import { InputError, throwIfCancelled } from '../../../src/core/errors';
import type { CallContext, EngineHandlers } from '../../../src/engine/messages';
import { serveParentProcess } from '../../../src/engine/processEntry';
import { trackTemporary } from '../../../src/engine/temporaryFiles';

async function act(script: string, { signal, report }: CallContext): Promise<never> {
  const [verb, argument = ''] = script.split(' ');
  switch (verb) {
    case 'throw':
      throw new InputError(argument);
    case 'defect':
      throw new TypeError(argument);
    case 'read-missing':
      mkdirSync('/nonexistent/folder/deeper');
      break;
    case 'progress':
      for (let done = 0; done < 100; done++) {
        const candidate = {
          layer: `l${done}`,
          scheme: 'w8a8',
          sensitivity: done,
          localSqnrDb: null,
          bytes: 1,
        };
        report({ done, total: 100, message: 'step', candidates: [candidate] });
        if (done % 10 === 0) await delay(15);
      }
      break;
    case 'wait':
      for (;;) {
        throwIfCancelled(signal);
        report({ done: 0, total: 1, message: 'waiting' });
        await delay(5);
      }
    case 'block':
      report({ done: 0, total: 1, message: 'blocking' });
      await delay(10);
      for (;;) Math.random();
    case 'write-then-block':
      trackTemporary(argument);
      writeFileSync(argument, 'half');
      await delay(10);
      report({ done: 0, total: 1, message: 'blocking' });
      await delay(10);
      for (;;) Math.random();
    case 'uncaught':
      setTimeout(() => {
        throw new Error(argument);
      });
      await delay(10_000);
      break;
    case 'stderr':
      process.stderr.write(`${argument}\n`);
      await delay(20);
      process.abort();
      break;
    default:
  }
  throw new InputError('done');
}

const never = async (): Promise<never> => {
  throw new InputError('not scripted');
};

const handlers: EngineHandlers = {
  firstLayers: never,
  inspect: ({ file }, call) => act(file, call),
  weightHashes: async ({ file }) => ({ file, pid: String(process.pid) }),
  describeData: never,
  describeDeal: never,
  errorSplit: never,
  quantizationOf: never,
  quantize: never,
  rewriteModel: never,
  predict: never,
  presetPlan: never,
  scan: never,
  search: never,
  compare: never,
  compareLayers: never,
  describeSample: never,
  report: never,
  weightStatistics: never,
  weightSlice: never,
  neighbours: never,
  sourceOf: never,
  exportWeight: never,
  explain: never,
  layerLatencies: never,
  copyModel: never,
};

serveParentProcess(handlers);
