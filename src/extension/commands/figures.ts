import { inline } from '../../shared/report/markdownText';

/** Charts inside a Markdown document: named where they stand, their data at its end, so that the text stays readable. */
export class Figures {
  readonly #charts: string[] = [];

  /** @param svg a whole chart. @returns what stands for it in the text. */
  add(alt: string, svg: string): string {
    this.#charts.push(svg);
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
