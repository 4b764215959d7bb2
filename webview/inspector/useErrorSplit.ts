import { useEffect, useState } from 'preact/hooks';
import type { ErrorSplitCurve } from '../../src/core/rangeResults';
import type { ViewRequest } from '../../src/shared/viewRpc';
import type { Host } from '../host';

/** A selection that only passes by (arrow keys held down) should not make the engine read every weight. */
const SETTLE_MS = 120;

export interface LoadedSplit {
  /** The newest of the value that is asked for, also while another is under way; undefined: none yet. */
  readonly curve: ErrorSplitCurve | undefined;
  readonly error: string | undefined;
  readonly isLoading: boolean;
}

/**
 * The curve of one value of a layer, asked for when the selection rests on it.
 * @param dependsOn what else the curve follows from: when it changes, the curve is asked for again.
 */
export function useErrorSplit(
  host: Host,
  { layer, weight, of, bits }: ViewRequest<'errorSplit'>,
  dependsOn: readonly (string | number)[],
): LoadedSplit {
  const [loaded, setLoaded] = useState<LoadedSplit>({ curve: undefined, error: undefined, isLoading: true });
  useEffect(() => {
    let isCurrent = true;
    setLoaded((old) => ({ ...old, isLoading: true }));
    const done = (next: Partial<LoadedSplit>): void => {
      if (isCurrent) setLoaded({ curve: undefined, error: undefined, isLoading: false, ...next });
    };
    const timer = setTimeout(() => {
      host.call('errorSplit', { layer, weight, of, bits }).then(
        (curve) => done({ curve }),
        (error: unknown) => done({ error: error instanceof Error ? error.message : String(error) }),
      );
    }, SETTLE_MS);
    return () => {
      isCurrent = false;
      clearTimeout(timer);
    };
  }, [host, layer, weight, of, bits, ...dependsOn]);
  const { curve } = loaded;
  const isOther = curve !== undefined && (curve.layer !== layer || curve.of !== of);
  return isOther ? { ...loaded, curve: undefined } : loaded;
}
