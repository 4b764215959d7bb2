/** Which file and line of the workspace a frame of an exporter's stack trace means. Free of vscode. */
import type { SourceFrame } from '../../core/inspectorResults';

export interface WorkspaceFile {
  /** Absolute, with slashes. */
  readonly path: string;
  /** To its workspace folder. */
  readonly relative: string;
}

/** The last part of a path of any system. */
export function fileName(path: string): string {
  return partsOf(path).at(-1) ?? '';
}

/**
 * The file that `path` names: the same path, or where the project lies elsewhere than on the machine that exported, one whose
 * place in the workspace ends the path; of several the one that agrees longest. Equal names alone are not enough.
 * @param path absolute or not, with slashes or backslashes.
 */
export function findSourceFile<T extends WorkspaceFile>(path: string, files: readonly T[]): T | undefined {
  const wanted = partsOf(path);
  const matches = files
    .map((file) => ({ file, parts: partsOf(file.path) }))
    .filter(({ file, parts }) => endsWith(parts, wanted) || endsWith(wanted, partsOf(file.relative)))
    .map(({ file, parts }) => ({ file, agreed: agreement(parts, wanted) }));
  return matches.sort((a, b) => b.agreed - a.agreed || (a.file.path < b.file.path ? -1 : 1))[0]?.file;
}

/** How far from the frame's line its text is looked for. */
const FARTHEST = 200;

/**
 * The line of a file that a frame means, from 0: the nearest one with the frame's text, as the file may have been edited since
 * the export; else the line of that number, or the last one.
 */
export function findSourceLine({ line, code }: SourceFrame, lines: readonly string[]): number {
  const noted = Math.max(0, Math.min(line, lines.length) - 1);
  const hasText = (at: number): boolean => lines[at]?.trim() === code?.trim();
  if (code === null || code.trim() === '') return noted;
  for (let distance = 0; distance <= FARTHEST; distance++) {
    for (const at of [line - 1 - distance, line - 1 + distance]) if (hasText(at)) return at;
  }
  return noted;
}

function partsOf(path: string): string[] {
  return path.split(/[\\/]/).filter((part) => part !== '' && part !== '.');
}

function endsWith(parts: readonly string[], end: readonly string[]): boolean {
  return end.length > 0 && end.length <= parts.length && agreement(parts, end) === end.length;
}

/** Parts at the end that two paths have in common. */
function agreement(a: readonly string[], b: readonly string[]): number {
  let count = 0;
  while (count < Math.min(a.length, b.length) && a.at(-1 - count) === b.at(-1 - count)) count++;
  return count;
}
