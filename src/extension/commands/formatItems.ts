/** Which formats a scan or a search is offered, and which it begins with. Free of vscode. */
import { formatText, parseFormat } from '../../core/quant/layerFormat';
import { schemeCatalog } from '../../core/quant/schemeCatalog';
import { DEFAULT_SCAN_FORMATS } from '../../core/scan/formats';

export interface FormatItem {
  /** As `formatText` writes it. */
  readonly label: string;
  readonly description: string;
  readonly picked: boolean;
}

/** The formats that were stored, where they still are formats; else those that a scan tries when nobody says. */
export function rememberedFormats(stored: unknown): string[] {
  const texts = Array.isArray(stored) ? stored.flatMap(formatIn) : [];
  return texts.length > 0 ? [...new Set(texts)] : [...DEFAULT_SCAN_FORMATS];
}

/** All that can be tried, in the order of the catalogue. @param chosen as `rememberedFormats` gives them. */
export function formatItems(chosen: readonly string[]): FormatItem[] {
  const picked = new Set(chosen);
  const listed = schemeCatalog.filter(({ format }) => format !== 'float');
  const others = chosen.filter((text) => !listed.some(({ format }) => format === text));
  return [
    ...listed.map(({ format, description }) => ({ label: format, description, picked: picked.has(format) })),
    ...others.map((label) => ({ label, description: 'used before', picked: true })),
  ];
}

function formatIn(text: unknown): string[] {
  if (typeof text !== 'string') return [];
  const format = parseFormat(text);
  return 'mistake' in format || format.scheme === 'float' ? [] : [formatText(format)];
}
