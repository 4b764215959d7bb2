import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { InferenceSession } from 'onnxruntime-node';
import { MemorySink } from '../../core/onnx/memory';
import { baseOf, originOf } from '../../core/onnx/origin';
import type { Model } from '../../core/onnx/types';
import { modelSize, writeModel } from '../../core/onnx/write';
import { throwIfCancelled } from '../../core/errors';
import type { Feeds, ProfiledKernel, Runtime, Session, SessionOptions, Work } from '../../core/ports';
import { writeModelFile } from '../files/writeModelFile';
import { makeTemporaryFolder, type TemporaryFolder } from '../temporaryFolder';
import { RuntimeFailure } from '../engineErrors';
import { loadOrt, type Ort } from './loadRuntime';
import { kernelsOf } from './ortProfile';
import { OrtSession } from './ortSession';
import { runtimeFailure } from './runtimeError';

/**
 * Larger models are handed over in a temporary file: the runtime copies what it parses, and a second copy in memory would be there
 * just when it needs most, and is collected late (ResNet-18, 45 MB, opened alone: 284 MB at the peak, from a file 212 to 240).
 */
const IN_MEMORY_BYTES = 16 * 2 ** 20;
/** Up to this size memory stands in where no file can be written. */
const LARGEST_IN_MEMORY_BYTES = 512 * 2 ** 20;

const STORED_NAME = 'model.onnx';

/** First runs of a profile that are not counted. */
const PROFILE_WARMUP = 3;

interface OrtOptions extends SessionOptions {
  /** Path that the name of a profile begins with; absent: nothing is profiled. */
  readonly profilePrefix?: string;
}

/** ONNX Runtime for Node.js behind core's port. Made by `openRuntime`. */
class OrtRuntime implements Runtime {
  readonly version: string;

  constructor(
    private readonly ort: Ort,
    private readonly inMemoryBytes: number,
  ) {
    this.version = `onnxruntime-node ${ort.env.versions.node ?? 'unknown'} (cpu)`;
  }

  async openModel(model: Model, options: OrtOptions): Promise<OrtSession> {
    const file = fileOf(model);
    const size = await modelSize(model);
    const folder =
      size > this.inMemoryBytes ? await storedModel(model, size > LARGEST_IN_MEMORY_BYTES) : undefined;
    if (folder) return this.#openStored(folder, file, options);
    const sink = new MemorySink(size);
    await writeModel(model, sink);
    return this.#create(sink.bytes(), file, options);
  }

  /**
   * Opens a model file as it stands on disk.
   * @param name what messages call it.
   */
  openFile(path: string, options: SessionOptions, name = path): Promise<Session> {
    return this.#create(path, name, options);
  }

  async profile(model: Model, feeds: Feeds, runs: number, work: Work = {}): Promise<ProfiledKernel[]> {
    const folder = await makeTemporaryFolder();
    try {
      const session = await this.openModel(model, {
        optimization: 'full',
        profilePrefix: join(folder.path, 'profile'),
      });
      try {
        for (let run = -PROFILE_WARMUP; run < runs; run++) {
          throwIfCancelled(work.signal);
          await session.run(feeds);
        }
      } finally {
        // Writes the file.
        session.endProfiling();
        await session.release();
      }
      const [file] = (await readdir(folder.path)).filter((name) => name.endsWith('.json'));
      if (file === undefined) throw new RuntimeFailure('ONNX Runtime wrote no profile.');
      return kernelsOf(await readFile(join(folder.path, file), 'utf8'), PROFILE_WARMUP);
    } finally {
      await folder.remove();
    }
  }

  async #openStored(folder: TemporaryFolder, file: string, options: OrtOptions): Promise<OrtSession> {
    try {
      // Weights may stay mapped from the files for as long as the session lives.
      return await this.#create(join(folder.path, STORED_NAME), file, options, folder.remove);
    } catch (error) {
      await folder.remove();
      throw error;
    }
  }

  async #create(
    model: Uint8Array | string,
    file: string,
    options: OrtOptions,
    onRelease?: () => Promise<void>,
  ): Promise<OrtSession> {
    try {
      const { InferenceSession } = this.ort;
      const session =
        typeof model === 'string'
          ? await InferenceSession.create(model, ortOptions(options))
          : await InferenceSession.create(model, ortOptions(options));
      return new OrtSession(this.ort, session, file, onRelease);
    } catch (error) {
      throw runtimeFailure(error, 'load', file);
    }
  }
}

export type { OrtRuntime };

/**
 * The model in a folder of its own.
 * @param must false: undefined where it cannot be written.
 */
async function storedModel(model: Model, must: boolean): Promise<TemporaryFolder | undefined> {
  let folder: TemporaryFolder | undefined;
  try {
    folder = await makeTemporaryFolder();
    await writeModelFile(model, join(folder.path, STORED_NAME), { isPassing: true });
    return folder;
  } catch (error) {
    await folder?.remove();
    if (must) throw error;
    return undefined;
  }
}

/**
 * @param inMemoryBytes larger models are handed over in a temporary file.
 * @throws RuntimeFailure on platforms without binaries of ONNX Runtime.
 */
export async function openRuntime(inMemoryBytes = IN_MEMORY_BYTES): Promise<OrtRuntime> {
  return new OrtRuntime(await loadOrt(), inMemoryBytes);
}

function fileOf(model: Model): string {
  const read = originOf(model) ? model : baseOf(model);
  return (read && originOf(read)?.source.name) ?? 'the model';
}

/**
 * Simulations and calibration are many short runs. Threads that wait busily for the next operator would take half of their CPU time
 * (ResNet-18: 24 instead of 11 seconds for a scan, 10 instead of 6.5 ms for a sample that calibrates), and on machines with
 * other work make them take twice as long. Latencies are measured at full optimization, where threads do as they would for a user.
 */
const WITHOUT_SPINNING = { intra_op: { allow_spinning: '0' } };

/**
 * `simulate` keeps Q/DQ as float simulation: fast float kernels, no integer saturation, the same on every processor.
 * Threads stay at the runtime's default: one per physical core.
 */
function ortOptions({ optimization, profilePrefix }: OrtOptions): InferenceSession.SessionOptions {
  const options: InferenceSession.SessionOptions = {
    graphOptimizationLevel: optimization === 'none' ? 'disabled' : 'all',
    // Warnings about a model's style would fill the log of a scan; errors are thrown as well as logged.
    logSeverityLevel: 4,
  };
  if (optimization === 'simulate')
    options.extra = { session: { disable_quant_qdq: '1', ...WITHOUT_SPINNING } };
  if (optimization === 'none') options.extra = { session: WITHOUT_SPINNING };
  if (profilePrefix !== undefined)
    Object.assign(options, { enableProfiling: true, profileFilePrefix: profilePrefix });
  return options;
}
