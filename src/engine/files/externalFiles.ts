import { realpath } from 'node:fs/promises';
import { dirname, isAbsolute, join, relative, sep } from 'node:path';
import { OnnxFileError } from '../../core/errors';
import { fileError } from './fileErrors';
import { FileSource } from './fileSource';

/**
 * Finds the external data of one model file. A location must stay in the model's folder: first as text, then after
 * resolving links, where the folder of the path that the user opened and the folder of the file behind it (a download
 * cache of links) both count. A hard link cannot be told from the file itself and is not defended against; nor is a
 * folder that someone else changes between the check and the opening.
 */
export class ExternalFiles {
  private readonly sources = new Map<string, Promise<FileSource>>();

  constructor(private readonly modelPath: string) {}

  /** @throws OnnxFileError when the location leaves the folder, RoundoffError when it cannot be opened */
  readonly resolve = (location: string): Promise<FileSource> => {
    const known = this.sources.get(location);
    if (known) return known;
    const source = this.open(location);
    this.sources.set(location, source);
    // A failure is not kept: the file may be there at the next try.
    source.catch(() => this.sources.delete(location));
    return source;
  };

  async close(): Promise<void> {
    const opened = await Promise.allSettled(this.sources.values());
    this.sources.clear();
    for (const result of opened) if (result.status === 'fulfilled') await result.value.close();
  }

  private async open(location: string): Promise<FileSource> {
    const problem = locationProblem(location);
    if (problem) throw this.refusal(location, problem);
    const path = join(dirname(this.modelPath), location);
    let target: string;
    try {
      target = await realpath(path);
    } catch (error) {
      throw fileError('read', path, error);
    }
    const folders = [await realpath(dirname(this.modelPath)), dirname(await realpath(this.modelPath))];
    if (!folders.some((folder) => isInside(folder, target))) {
      throw this.refusal(location, `is a link to ${target}, outside the model's folder`);
    }
    return FileSource.open(target);
  }

  private refusal(location: string, problem: string): OnnxFileError {
    return new OnnxFileError(
      `${this.modelPath}: the external data location ${JSON.stringify(location)} ${problem}. Roundoff reads external data only beside the model.`,
      { file: this.modelPath },
    );
  }
}

/** What is wrong with a location as text, as the end of a sentence; undefined when it stays below the folder. */
export function locationProblem(location: string): string | undefined {
  if (!location) return 'is empty';
  if (location.includes('\0')) return 'contains a zero byte';
  if (isAbsolute(location) || /^([a-z]:|[\\/])/i.test(location)) return 'is an absolute path';
  if (location.split(/[\\/]/).includes('..')) return "leaves the model's folder";
  return undefined;
}

function isInside(folder: string, path: string): boolean {
  const way = relative(folder, path);
  return way !== '' && way !== '..' && !way.startsWith(`..${sep}`) && !isAbsolute(way);
}
