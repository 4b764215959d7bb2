import { InputError } from '../errors';
import { formatText, parseFormat, type LayerFormat } from '../quant/layerFormat';

/** What a scan tries when nobody says: integers with 8- and 16-bit activations, and two ways to 4 bits. */
export const DEFAULT_SCAN_FORMATS: readonly string[] = ['w8a8', 'w8a16', 'w4,block:32', 'lut16'];

/** A format to try, and its text, which names it in results. */
export interface ScanFormat {
  readonly text: string;
  readonly format: LayerFormat;
}

/**
 * The formats that texts stand for, each once.
 * @throws InputError for a text that is no format, and for `float`, which changes nothing.
 */
export function scanFormats(texts: readonly string[] = DEFAULT_SCAN_FORMATS): ScanFormat[] {
  const formats = new Map<string, ScanFormat>();
  for (const text of texts) {
    const format = parseFormat(text);
    if ('mistake' in format) throw new InputError(format.mistake);
    if (format.scheme === 'float') {
      throw new InputError('A scan cannot try "float": that is what the formats are compared with.');
    }
    const name = formatText(format);
    formats.set(name, { text: name, format });
  }
  if (formats.size === 0) throw new InputError('A scan needs at least one format to try.');
  return [...formats.values()];
}

/** Names a candidate among those of one scan. */
export function candidateKey({ layer, scheme }: { readonly layer: string; readonly scheme: string }): string {
  return JSON.stringify([layer, scheme]);
}
