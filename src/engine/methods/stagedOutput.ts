import { randomBytes } from 'node:crypto';
import { mkdir, rename, rm } from 'node:fs/promises';
import { basename, dirname, join, resolve } from 'node:path';
import type { Model } from '../../core/onnx/types';
import type { Work } from '../../core/ports';
import { fileError } from '../files/fileErrors';
import { refuseOpened, writeModelFile, type WrittenFiles } from '../files/writeModelFile';
import { trackTemporary, untrackTemporary } from '../temporaryFiles';

/**
 * A place beside the output where a model is written and looked at before it gets its name. Whatever `use` throws, and
 * however the process ends, what it did not commit is removed and what was at `output` is untouched.
 * @param opened the model that must not be replaced.
 * @throws RoundoffError before any work, when the output is the opened model or its folder cannot be written.
 */
export async function withStagedOutput<T>(
  output: string,
  opened: { readonly model: Model; readonly path: string },
  use: (staged: StagedOutput) => Promise<T>,
): Promise<T> {
  const destination = resolve(output);
  await refuseOpened(destination, opened.model, [opened.path]);
  const name = `.${basename(destination).slice(0, 100)}.${randomBytes(6).toString('hex')}.tmp`;
  const folder = join(dirname(destination), name);
  trackTemporary(folder);
  try {
    await mkdir(folder);
  } catch (error) {
    untrackTemporary(folder);
    throw fileError('write', destination, error);
  }
  try {
    return await use(new StagedOutput(folder, destination, opened.path));
  } finally {
    await rm(folder, { recursive: true, force: true });
    untrackTemporary(folder);
  }
}

export class StagedOutput {
  #files: readonly string[] = [];

  constructor(
    private readonly folder: string,
    /** Where it goes when it is committed. */
    readonly destination: string,
    private readonly opened: string,
  ) {}

  /** Where the model is until it is committed. */
  get path(): string {
    return join(this.folder, basename(this.destination));
  }

  async write(model: Model, work: Work): Promise<WrittenFiles> {
    const { destination } = this;
    const written = await writeModelFile(model, this.path, { ...work, destination, opened: [this.opened] });
    this.#files = written.files;
    return written;
  }

  /** Gives the files their names, replacing what was there: the data file first, the model last. */
  async commit(): Promise<void> {
    const [model, ...data] = this.#files;
    const placed: string[] = [];
    try {
      for (const path of data) {
        const final = join(dirname(this.destination), basename(path));
        trackTemporary(final);
        await move(path, final);
        placed.push(final);
      }
      // From here on a model may need the data: an engine that ends now leaves it.
      for (const path of placed) untrackTemporary(path);
      if (model !== undefined) await move(model, this.destination);
    } catch (error) {
      // Data without its model is of no use.
      for (const path of placed) await rm(path, { force: true });
      throw error;
    } finally {
      for (const path of data) untrackTemporary(join(dirname(this.destination), basename(path)));
    }
  }
}

async function move(from: string, to: string): Promise<void> {
  await rename(from, to).catch((error: unknown) => {
    throw fileError('write', to, error);
  });
}
