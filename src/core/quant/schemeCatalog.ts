import type { LayerScheme } from './scheme';

/** What a user chooses from: menus, pickers, help. */
export interface SchemeFacts {
  readonly id: LayerScheme;
  /** One line: format, what it needs, what it gives. */
  readonly description: string;
}

/** The schemes to offer, the usual one first; of the families of codebooks (see `schemeForms`) the common members. */
export const schemeCatalog: readonly SchemeFacts[] = [
  { id: 'w8a8', description: 'int8 weight and 8-bit activations: smaller and faster, needs data' },
  { id: 'w8', description: 'int8 weight only: smaller, no speed-up, no data needed' },
  { id: 'u8', description: '256 evenly spaced values: smaller, no speed-up, no data needed' },
  {
    id: 'u4',
    description: '16 evenly spaced values: no speed-up, coarse (needs compensation), no data needed',
  },
  { id: 'lut16', description: '16 k-means values: no speed-up, no data needed' },
  { id: 'lut8', description: '8 k-means values: no speed-up, coarse (needs compensation), no data needed' },
  {
    id: 'pow2-5',
    description: 'zero and ±8 powers of two: no speed-up, coarse (needs compensation), no data needed',
  },
  {
    id: 'pow2-15',
    description:
      'zero and ±7 powers of two, in 4 bits: no speed-up, coarse (needs compensation), no data needed',
  },
  { id: 'float', description: 'left as it is' },
];
