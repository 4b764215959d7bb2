import type { LayerScheme } from './scheme';

/** What a user chooses from: menus, pickers, help. */
export interface SchemeFacts {
  readonly id: LayerScheme;
  /** One line: format, what it needs, what it gives. */
  readonly description: string;
}

/** Every scheme a layer can have, the usual one first. */
export const schemeCatalog: readonly SchemeFacts[] = [
  { id: 'w8a8', description: 'int8 weight and 8-bit activations: smaller and faster, needs data' },
  { id: 'w8', description: 'int8 weight only: smaller, no speed-up, needs no data' },
  { id: 'float', description: 'left as it is' },
];
