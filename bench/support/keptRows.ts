/** What a bench found out about each model, kept so that models can be measured one by one and the page has all of them. */
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { outputFolder, root } from './paths';

function fileOf(bench: string, model: string): string {
  return join(outputFolder, bench, `${model}.json`);
}

export function keepRows(bench: string, model: string, rows: unknown): void {
  const file = fileOf(bench, model);
  mkdirSync(dirname(file), { recursive: true });
  writeFileSync(file, JSON.stringify(rows));
}

/** Of the models that were measured, in the order asked for. The bench alone knows what its rows are. */
export function keptRows(bench: string, models: readonly string[]): [model: string, rows: unknown][] {
  return models.flatMap((model): [string, unknown][] => {
    const file = fileOf(bench, model);
    return existsSync(file) ? [[model, JSON.parse(readFileSync(file, 'utf8'))]] : [];
  });
}

/** Writes bench/results/BENCH.md. */
export function writePage(bench: string, lines: readonly string[]): void {
  const file = join(root, 'bench', 'results', `${bench}.md`);
  mkdirSync(dirname(file), { recursive: true });
  writeFileSync(file, `${lines.join('\n')}\n`);
}

/** A Markdown table. */
export function markdownTable(header: readonly string[], rows: readonly (readonly string[])[]): string[] {
  return [header, header.map(() => '---'), ...rows].map((cells) => `| ${cells.join(' | ')} |`);
}
