/** SVG as text: for files, and for views that put it into a page. */

/** What a digit of a label takes, a little more than it does in most fonts. */
export const DIGIT_WIDTH = 6.5;

type Attributes = Readonly<Record<string, string | number | undefined>>;

export function escapeXml(text: string): string {
  return text
    .replaceAll('&', '&amp;')
    .replaceAll('<', '&lt;')
    .replaceAll('>', '&gt;')
    .replaceAll('"', '&quot;')
    .replaceAll(/[\p{Cc}\uFFFE\uFFFF]/gu, ' ');
}

/** An element with children that are markup already; numbers have one digit after the point. */
export function element(name: string, attributes: Attributes, ...children: readonly string[]): string {
  const written = Object.entries(attributes)
    .filter(([, value]) => value !== undefined)
    .map(
      ([key, value]) => ` ${key}="${escapeXml(typeof value === 'number' ? rounded(value) : String(value))}"`,
    )
    .join('');
  return children.length === 0 ? `<${name}${written}/>` : `<${name}${written}>${children.join('')}</${name}>`;
}

export function textElement(text: string, attributes: Attributes): string {
  return element('text', attributes, escapeXml(text));
}

function rounded(value: number): string {
  return String(Math.round(value * 10) / 10);
}

/**
 * Colours of a chart that stands alone. VS Code's are taken where they exist; images in Markdown follow the reader's
 * preference, which need not be that of the page around them: so they bring a background. The two series are told apart by
 * form too.
 */
export const CHART_STYLE = `
.chart { --page: var(--vscode-editor-background, #ffffff); --text: var(--vscode-foreground, #24292f); --grid: var(--vscode-panel-border, #d0d7de); --one: var(--vscode-charts-blue, #0072b2); --two: var(--vscode-charts-orange, #b35900); background: var(--page); font: 11px system-ui, sans-serif; }
@media (prefers-color-scheme: dark) { .chart { --page: var(--vscode-editor-background, #0d1117); --text: var(--vscode-foreground, #e6edf3); --grid: var(--vscode-panel-border, #444c56); --one: var(--vscode-charts-blue, #58a6ff); --two: var(--vscode-charts-orange, #f0a04b); } }
.chart text { fill: var(--text); } .chart .grid { stroke: var(--grid); } .chart .title { font-weight: 600; }
.chart .one { fill: var(--one); stroke: var(--one); } .chart .two { fill: var(--two); stroke: var(--two); } .chart .line { fill: none; stroke-width: 1.5; } .chart .hollow { fill: none; } .chart .dashed { stroke-dasharray: 4 3; }
`;

/** A whole chart. @param label what it shows, in a sentence, for those who do not see it. */
export function chart(
  width: number,
  height: number,
  title: string,
  label: string,
  ...children: readonly string[]
): string {
  return `${element(
    'svg',
    {
      xmlns: 'http://www.w3.org/2000/svg',
      class: 'chart',
      viewBox: `0 0 ${width} ${height}`,
      width,
      height,
      role: 'img',
      'aria-label': label,
    },
    `<style>${CHART_STYLE}</style>`,
    `\n${[textElement(title, { class: 'title', x: 8, y: 16 }), ...children].join('\n')}\n`,
  )}\n`;
}

/** A chart for a page that has `CHART_STYLE` itself: its policy may refuse styles inside. */
export function withoutStyle(svg: string): string {
  return svg.replace(/<style>[^]*?<\/style>/, '');
}
