import { createContext } from 'preact';
import { MOST_EXPORT_CHARACTERS, type ExportKind, type ExportMethods } from '../../src/shared/exportRpc';
import { chartPng } from './chartPng';
import { standaloneSvg } from './standaloneSvg';

/** A chart, the table of its figures, or both. */
export interface ExportSource {
  /** Names the file. */
  readonly title: string;
  readonly chart: SVGSVGElement | null;
  /** The table as CSV. */
  readonly csv: (() => string) | null;
}

/** Writes charts and tables of a view to files: the host asks what and where. */
export class Exporter {
  constructor(
    private readonly call: <K extends keyof ExportMethods>(
      method: K,
      request: Parameters<ExportMethods[K]>[0],
    ) => Promise<Awaited<ReturnType<ExportMethods[K]>>>,
  ) {}

  /** @throws Error when it would be too large, or the host failed. */
  async run(source: ExportSource): Promise<void> {
    const { title, chart, csv } = source;
    const kinds: ExportKind[] = [
      ...(chart ? (['svg', 'png'] as const) : []),
      ...(csv ? (['csv', 'copy'] as const) : []),
    ];
    const kind = await this.call('chooseExport', { title, kinds });
    if (kind === null) return;
    const content = await packed(await contentOf(source, kind));
    if (content.length > MOST_EXPORT_CHARACTERS)
      throw new Error(`“${title}” is too large to be exported from here.`);
    await this.call('saveExport', { title, kind, content });
  }
}

/** Who exports in this view; null where nobody does, as in tests of single components. */
export const ExportContext = createContext<Exporter | null>(null);

async function contentOf({ chart, csv }: ExportSource, kind: ExportKind): Promise<Blob> {
  if (kind === 'csv' || kind === 'copy') return new Blob([csv?.() ?? '']);
  if (!chart) throw new Error('The chart is gone.');
  const svg = standaloneSvg(chart);
  return kind === 'svg' ? new Blob([svg.text]) : chartPng(svg);
}

/** Gzip in base64. */
async function packed(content: Blob): Promise<string> {
  const stream = content.stream().pipeThrough(new CompressionStream('gzip'));
  const bytes = await new Response(stream).blob();
  return new Promise((resolve, reject) => {
    const reader = new FileReader();
    reader.onload = () => resolve((reader.result as string).replace(/^[^,]*,/, ''));
    reader.onerror = () => reject(reader.error ?? new Error('The chart cannot be read.'));
    reader.readAsDataURL(bytes);
  });
}
