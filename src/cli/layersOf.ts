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
  // Reading models takes memory and time that a process which only waits for the engine does without.
  const [{ openModelFile }, { inspectModel }] = await Promise.all([
    import('../engine/files/modelFile'),
    import('../engine/inspect'),
  ]);
  const opened = await openModelFile(file, io);
  try {
    const { layers } = await inspectModel(opened, dim);
    return [...new Set(globs.flatMap((glob) => matchRows(glob, layers, '--layer')))];
  } finally {
    await opened.close();
  }
}
