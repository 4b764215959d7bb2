import { readdir } from 'node:fs/promises';
import { dirname, join, sep } from 'node:path';
import { InputError } from '../../core/errors';
import { readIfThere } from '../files/readIfThere';
import { parseCsv } from './csv';
import type { ClassNames } from './dataSet';
import { parsePreprocess, PREPROCESS_EXAMPLE, PREPROCESS_FILE, type Preprocess } from './preprocess';

const imagePattern = /\.(?:jpe?g|png|webp|gif|tiff?|avif|bmp)$/i;
const LABELS_FILE = 'labels.csv';

/** An image file and its class, when the folder tells. */
export interface LabelledImage {
  readonly path: string;
  readonly label?: number;
  /** What its class is called. */
  readonly className?: string;
}

export interface ImageFolder {
  readonly images: readonly LabelledImage[];
  readonly preprocess: Preprocess;
  readonly classNames: ClassNames;
  /** Why labels are missing. */
  readonly notes: readonly string[];
}

/**
 * Finds the images of a folder, their classes and how they are preprocessed.
 *
 * Classes come from `labels.csv` (columns `file`, `label` with class indices, `name`), or else from subfolders: the
 * index of the subfolder in sorted order, and its name. `preprocess.json` is looked for in the folder and in the one above.
 * A row of `labels.csv` without a class index leaves its image without a label, and a note.
 * @throws InputError when there are no images, no preprocess.json, or `labels.csv` does not name files.
 */
export async function readImageFolder(folder: string): Promise<ImageFolder> {
  const labels = await readIfThere(join(folder, LABELS_FILE));
  const { images, notes } =
    labels === undefined ? { images: await listImages(folder), notes: [] } : labelledByCsv(folder, labels);
  if (images.length === 0) {
    throw new InputError(
      `${folder} has neither images (JPEG, PNG, WebP, GIF, TIFF, AVIF) nor ONNX test data (test_data_set_0 …): choose another folder.`,
    );
  }
  const preprocess = await readPreprocess(folder);
  const named = images.flatMap(({ label, className }): [number, string][] =>
    label !== undefined && className ? [[label, className]] : [],
  );
  return { images, preprocess, classNames: { names: new Map(named) }, notes };
}

async function readPreprocess(folder: string): Promise<Preprocess> {
  for (const place of [folder, dirname(folder)]) {
    const path = join(place, PREPROCESS_FILE);
    const text = await readIfThere(path);
    if (text !== undefined) return parsePreprocess(text, path);
  }
  throw new InputError(
    `${folder} has no ${PREPROCESS_FILE}, which tells how images become the model's input. ` +
      `Write one; torchvision's usual one would be ${PREPROCESS_EXAMPLE}`,
  );
}

function labelledByCsv(folder: string, text: string): Pick<ImageFolder, 'images' | 'notes'> {
  const path = join(folder, LABELS_FILE);
  const [header = [], ...rows] = parseCsv(text);
  const fileColumn = header.indexOf('file');
  const labelColumn = header.indexOf('label');
  const nameColumn = header.indexOf('name');
  if (fileColumn < 0 || labelColumn < 0) {
    throw new InputError(`${path} must start with a line that names its columns: file,label,name.`);
  }
  const unlabelled: string[] = [];
  const images = rows.map((row, index): LabelledImage => {
    const file = row[fileColumn] ?? '';
    const label = Number(row[labelColumn] || NaN);
    const where = `${path}, row ${index + 2}`;
    if (!file) throw new InputError(`${where}: needs a file and a class index, has "${row.join(',')}".`);
    if (file.split(/[\\/]/).includes('..')) throw new InputError(`${path}: ${file} is outside the folder.`);
    if (Number.isInteger(label) && label >= 0) {
      return { path: join(folder, file), label, className: row[nameColumn] };
    }
    unlabelled.push(`${where}: "${row[labelColumn] ?? ''}" is no class index.`);
    return { path: join(folder, file) };
  });
  const [first] = unlabelled;
  if (first === undefined) return { images, notes: [] };
  const others = unlabelled.length > 1 ? ` So are those of ${unlabelled.length - 1} more rows.` : '';
  return { images, notes: [`${first}${others} The labels are left out.`] };
}

async function listImages(folder: string): Promise<LabelledImage[]> {
  const entries = await readdir(folder, { withFileTypes: true });
  const sorted = (names: string[]): string[] => names.sort((a, b) => (a < b ? -1 : 1));
  const here = sorted(entries.filter((entry) => isImage(entry.name)).map(({ name }) => name));
  const classes = sorted(entries.filter((entry) => entry.isDirectory()).map(({ name }) => name));
  if (here.length > 0 || classes.length === 0) return here.map((name) => ({ path: join(folder, name) }));
  const perClass = await Promise.all(
    classes.map(async (name, label) => {
      const files = await readdir(join(folder, name), { recursive: true });
      return sorted(files.filter((file) => isImage(file.split(sep).at(-1) ?? ''))).map((file) => ({
        path: join(folder, name, file),
        label,
        className: name,
      }));
    }),
  );
  return perClass.flat();
}

/** `._x.jpg` is what macOS leaves beside x.jpg on foreign disks. */
function isImage(name: string): boolean {
  return imagePattern.test(name) && !name.startsWith('.');
}
