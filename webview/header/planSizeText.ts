import { formatBytes, formatPercent } from '../../src/shared/format';
import type { PredictionView } from '../../src/shared/viewRpc';

/** `1.95 MB → 506 kB (26.0 %), predicted`. A figure of an older plan is never shown as if it were of this one. */
export function planSizeText({ state, bytes }: PredictionView): string {
  const sizes = bytes && `${formatBytes(bytes.before)} → ${formatBytes(bytes.after)}`;
  switch (state) {
    case 'current':
      return bytes ? `${sizes ?? ''} (${formatPercent(bytes.after / bytes.before)}), predicted` : '';
    case 'running':
      return sizes ? `${sizes}, predicting again…` : 'predicting…';
    case 'waiting':
      return sizes ? `${sizes} before the last edits` : 'not predicted';
    case 'failed':
      return 'cannot be written';
    case 'none':
      return 'unknown';
  }
}
