import { InputError } from '../errors';
import { isStatic } from '../plan/editPlan';
import { hasCodes } from '../plan/recover';
import { formatText, parseFormat, type LayerFormat } from '../quant/layerFormat';
import type { Candidate, ScanPart } from '../results';

/** What a scan tries when nobody says: integers with 8- and 16-bit activations, and two ways to 4 bits. */
export const DEFAULT_SCAN_FORMATS: readonly string[] = ['w8a8', 'w8a16', 'w4,block:32', 'lut16'];

/** A format to try, and its text, which names it in results. */
export interface ScanFormat {
  readonly text: string;
  readonly format: LayerFormat;
  /** Absent: all that the format quantizes. */
  readonly part?: ScanPart;
  /** Steps that choose the codes; absent: they are the nearest. */
  readonly recover?: string;
}

/** What tells a candidate from the others of one scan. */
export type CandidateName = Pick<Candidate, 'layer' | 'scheme' | 'part' | 'recover'>;

/**
 * The formats that texts stand for, each once.
 * @param texts DEFAULT_SCAN_FORMATS when absent; of `activations` those that have them.
 * @param options.part of the formats to measure alone; formats that have no other part are measured whole.
 * @param options.recover steps for the formats whose codes they can choose.
 * @throws InputError for a text that is no format, for `float`, which changes nothing, and for a format without activations
 * when these alone are to be measured.
 */
export function scanFormats(
  texts?: readonly string[],
  { part, recover }: { readonly part?: ScanPart | undefined; readonly recover?: string | undefined } = {},
): ScanFormat[] {
  const formats = new Map<string, ScanFormat>();
  for (const text of texts ?? DEFAULT_SCAN_FORMATS) {
    const format = parseFormat(text);
    if ('mistake' in format) throw new InputError(format.mistake);
    if (format.scheme === 'float') {
      throw new InputError('A scan cannot try "float": that is what the formats are compared with.');
    }
    const name = formatText(format);
    const hasActivations = isStatic(format.scheme);
    if (part === 'activations' && !hasActivations) {
      if (!texts) continue;
      throw new InputError(
        `The format ${name} quantizes no activations that could be measured apart: take w8a8 or w8a16, or measure its weights.`,
      );
    }
    formats.set(name, {
      text: name,
      format,
      ...(part && hasActivations && { part }),
      ...(recover !== undefined && part !== 'activations' && hasCodes(format.scheme) && { recover }),
    });
  }
  if (formats.size === 0) throw new InputError('A scan needs at least one format to try.');
  return [...formats.values()];
}

/** Identifies a candidate among those of one scan, and of others with other steps. */
export function candidateKey({ layer, scheme, part, recover }: CandidateName): string {
  return JSON.stringify([layer, scheme, ...(part ? [part] : []), ...(recover ? [{ recover }] : [])]);
}

/** The candidate that a layer in a format is. */
export function candidateName(layer: string, { text, part, recover }: ScanFormat): CandidateName {
  return { layer, scheme: text, ...(part && { part }), ...(recover && { recover }) };
}

/** For people and for keys: the format, which part of it when not all, and what chose its codes. */
export function formatName({ scheme, part, recover }: Omit<CandidateName, 'layer'>): string {
  return `${scheme}${part ? ` (${part})` : ''}${recover ? ` + ${recover}` : ''}`;
}
