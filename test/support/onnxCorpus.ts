import { existsSync, readdirSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { sharedModel } from './sharedModels';

/** Operator models of Debian's package libonnx-testdata. */
const debianTestData = '/usr/share/libonnx-testdata/data';

export interface Corpus {
  readonly name: string;
  readonly files: readonly string[];
}

function onnxFiles(folder: string): string[] {
  return readdirSync(folder, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile() && entry.name.endsWith('.onnx'))
    .map((entry) => join(entry.parentPath, entry.name))
    .sort();
}

/** The model files on this machine: the sample always; others where they are, and a line where they are not. */
export function onnxCorpora(): Corpus[] {
  const corpora = [{ name: 'samples', files: onnxFiles(resolve(import.meta.dirname, '../../samples')) }];
  const shared = sharedModel('.');
  if (shared) corpora.push({ name: 'shared models', files: onnxFiles(shared) });
  if (existsSync(debianTestData)) {
    corpora.push({ name: 'libonnx-testdata', files: onnxFiles(debianTestData) });
  } else {
    process.stdout.write('libonnx-testdata is not installed: its models are not checked.\n');
  }
  return corpora;
}
