/** Entry of a computing thread: see threadCompute.ts for the other side. */
import { parentPort } from 'node:worker_threads';
import { computeJobs, type JobInput, type JobName } from '../../core/recover/jobs';

export interface JobRequest {
  readonly job: JobName;
  readonly input: JobInput<JobName>;
}

export type JobReply = { readonly ok: unknown } | { readonly error: string };

parentPort?.on('message', ({ job, input }: JobRequest) => {
  parentPort?.postMessage(replyTo(job, input));
});

function replyTo(job: JobName, input: JobInput<JobName>): JobReply {
  try {
    return { ok: (computeJobs[job] as (given: JobInput<JobName>) => unknown)(input) };
  } catch (error) {
    return { error: error instanceof Error ? error.message : String(error) };
  }
}
