import { createHash } from 'node:crypto';
import { appendFile, mkdir, readFile, rm, stat, truncate, utimes } from 'node:fs/promises';
import { join } from 'node:path';
import { throwIfCancelled } from '../../core/errors';
import type { ByteSource, CancelSignal, ResultCache, Sample } from '../../core/ports';
import { AtomicFile } from '../files/atomicFile';
import { cacheFiles } from './cacheContents';

/** All files of the folder together; the ones used longest ago go first. */
const FOLDER_BYTES = 512 * 2 ** 20;
/**
 * One model's file; past this the older half of its entries goes. Codes that make up for errors take a byte or two for each
 * weight and format: 11 MB for ResNet-18 as `w4`.
 */
const FILE_BYTES = 128 * 2 ** 20;

const CHUNK_BYTES = 4 * 2 ** 20;
const ENDING = '.jsonl';

/** Hex digits of a sha256 that tell keys, models and samples apart. */
const DIGITS = 32;

/** Sizes that a cache may have. */
export interface CacheLimits {
  readonly folderBytes: number;
  readonly fileBytes: number;
}

/**
 * Results of one model in a file of JSON lines, `{"key", "value"}`, to which results are only ever added. Lines that cannot be
 * read (a process was killed while it wrote) are passed over. Not being able to read or write the folder is no error: then
 * nothing is known, or kept.
 */
export class FileResultCache implements ResultCache {
  private constructor(
    readonly model: string,
    private readonly file: string,
    private readonly entries: Map<string, unknown>,
  ) {}

  /**
   * @param folder made when it is not there.
   * @param model as `contentHash` gives it.
   */
  static async open(
    folder: string,
    model: string,
    limits: CacheLimits = { folderBytes: FOLDER_BYTES, fileBytes: FILE_BYTES },
  ): Promise<FileResultCache> {
    const file = join(folder, `${model}${ENDING}`);
    const entries = new Map<string, unknown>();
    try {
      await mkdir(folder, { recursive: true });
      await removeOldest(folder, file, limits.folderBytes);
      for (const [key, value] of await readEntries(file)) {
        // Later lines stand for newer results.
        entries.delete(key);
        entries.set(key, value);
      }
      await shorten(file, entries, limits.fileBytes);
      await endLine(file);
      const now = new Date();
      await utimes(file, now, now).catch(() => undefined);
    } catch {
      // A cache that cannot be read knows nothing.
    }
    return new FileResultCache(model, file, entries);
  }

  identify({ feeds, label }: Sample): string {
    const hash = createHash('sha256');
    for (const name of Object.keys(feeds).sort()) {
      const tensor = feeds[name];
      if (!tensor) continue;
      const { type, dims, data } = tensor;
      hash.update(JSON.stringify([name, type, dims]));
      if (Array.isArray(data)) hash.update(JSON.stringify(data));
      else hash.update(new Uint8Array(data.buffer, data.byteOffset, data.byteLength));
    }
    if (label !== undefined) hash.update(JSON.stringify(typeof label === 'number' ? label : [...label]));
    return hash.digest('hex').slice(0, DIGITS);
  }

  async get(key: string): Promise<unknown> {
    return this.entries.get(keyHash(key));
  }

  async put(key: string, value: unknown): Promise<void> {
    const hash = keyHash(key);
    this.entries.set(hash, value);
    await appendFile(this.file, `${JSON.stringify({ key: hash, value })}\n`).catch(() => undefined);
  }
}

/** Identifies files by what they hold. @throws CancelledError; OnnxFileError when they cannot be read */
export async function contentHash(files: readonly ByteSource[], signal?: CancelSignal): Promise<string> {
  const hash = createHash('sha256');
  for (const file of files) {
    hash.update(`${file.size}:`);
    for (let offset = 0; offset < file.size; offset += CHUNK_BYTES) {
      throwIfCancelled(signal);
      hash.update(await file.read(offset, Math.min(CHUNK_BYTES, file.size - offset)));
    }
  }
  return hash.digest('hex').slice(0, DIGITS);
}

function keyHash(key: string): string {
  return createHash('sha256').update(key).digest('hex').slice(0, DIGITS);
}

async function readEntries(file: string): Promise<[string, unknown][]> {
  const text = await readFile(file, 'utf8').catch(() => '');
  return text.split('\n').flatMap((line) => entryIn(line) ?? []);
}

function entryIn(line: string): [[string, unknown]] | undefined {
  try {
    const entry: unknown = JSON.parse(line);
    if (typeof entry !== 'object' || entry === null || !('key' in entry) || !('value' in entry))
      return undefined;
    return typeof entry.key === 'string' ? [[entry.key, entry.value]] : undefined;
  } catch {
    return undefined;
  }
}

/** Rewrites a file that has grown too long with the newer half of its entries. */
async function shorten(file: string, entries: Map<string, unknown>, limit: number): Promise<void> {
  const size = await sizeOf(file);
  if (size <= limit) return;
  for (const key of [...entries.keys()].slice(0, Math.ceil(entries.size / 2))) entries.delete(key);
  const whole = new AtomicFile(file);
  await whole.create();
  for (const [key, value] of entries) {
    await whole.write(new TextEncoder().encode(`${JSON.stringify({ key, value })}\n`));
  }
  await whole.finish();
  await whole.commit();
}

/** Cuts off a last line that was not written to its end, so that the next one stands alone. */
async function endLine(file: string): Promise<void> {
  const bytes = await readFile(file).catch(() => undefined);
  if (!bytes || bytes.length === 0 || bytes[bytes.length - 1] === 0x0a) return;
  await truncate(file, bytes.lastIndexOf(0x0a) + 1);
}

async function removeOldest(folder: string, kept: string, limit: number): Promise<void> {
  const files = await cacheFiles(folder);
  let total = files.reduce((sum, { bytes }) => sum + bytes, 0);
  for (const { path, bytes } of files) {
    if (total <= limit) return;
    if (path === kept) continue;
    await rm(path, { force: true });
    total -= bytes;
  }
}

async function sizeOf(file: string): Promise<number> {
  return (await stat(file).catch(() => undefined))?.size ?? 0;
}
