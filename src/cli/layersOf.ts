import { openModelFile } from '../engine/files/modelFile';
import { inspectModel } from '../engine/inspect';
import type { CliIo } from './cliIo';
import { matchRows } from './layerGlobs';
import type { DataOptions } from './optionValues';

/** Names of the layers that --layer globs match; undefined without any. @throws UsageError when one matches nothing. */
export async function layersOf(
  file: string,
  globs: readonly string[] | undefined,
  { dim }: Pick<DataOptions, 'dim'>,
  io: CliIo,
): Promise<string[] | undefined> {
  if (!globs) return undefined;
  const opened = await openModelFile(file, io);
  try {
    const { layers } = await inspectModel(opened, dim);
    return [...new Set(globs.flatMap((glob) => matchRows(glob, layers, '--layer')))];
  } finally {
    await opened.close();
  }
}
