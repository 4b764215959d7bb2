import type { RewritePass } from '../core/results';

/** What a rewrite is called: `name` in sentences, `word` in the names of the files that it writes. */
export interface PassNames {
  readonly name: string;
  readonly word: string;
}

export const rewritePasses: Readonly<Record<RewritePass, PassNames>> = {
  'fold-batch-norm': { name: 'Fold BatchNormalization', word: 'folded' },
  'remove-quantization': { name: 'Remove Quantization', word: 'float' },
  float16: { name: 'Convert to float16', word: 'float16' },
};

/** What a rewrite did, such as `52 nodes folded`. */
export function changedText(pass: RewritePass, changed: number): string {
  const nodes = changed === 1 ? '1 node' : `${changed.toLocaleString('en-US')} nodes`;
  switch (pass) {
    case 'fold-batch-norm':
      return `${nodes} folded`;
    case 'remove-quantization':
      return `${nodes} taken back to float`;
    case 'float16':
      return `${nodes} in half precision`;
  }
}
