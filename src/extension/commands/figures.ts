import { inline } from '../../shared/report/markdownText';

/** Charts inside a Markdown document: named where they stand, their data at its end, so that the text stays readable. */
export class Figures {
  readonly #charts: string[] = [];

  /** @param dark of the theme around the document: pictures in it see the system's preference only, which may be another. */
  constructor(private readonly dark: boolean) {}

  /** @param svg a whole chart. @returns what stands for it in the text. */
  add(alt: string, svg: string): string {
    this.#charts.push(svg.replaceAll('(prefers-color-scheme: dark)', this.dark ? 'all' : 'not all'));
    return `![${inline(alt)}][figure-${this.#charts.length}]`;
  }

  /** Goes at the end of the document. */
  definitions(): string[] {
    return this.#charts.map(
      (svg, at) =>
        `[figure-${at + 1}]: data:image/svg+xml;base64,${Buffer.from(svg, 'utf8').toString('base64')}`,
    );
  }
}
