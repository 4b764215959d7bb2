import { useEffect, useState } from 'preact/hooks';

/** A selection that only passes by (arrow keys held down) should not make the engine read every weight. */
const SETTLE_MS = 120;

export interface Answer<T> {
  /** Stays while a newer answer to the same subject is on its way. */
  readonly value?: T;
  readonly error?: string;
  /** Why there is nothing to ask. */
  readonly hint?: string;
  readonly isBusy: boolean;
}

interface Kept<T> {
  readonly subject: string;
  readonly question: string;
  readonly value?: T;
  readonly error?: string;
}

/**
 * Asks when the question has stood for a moment. Answers to a question that was overtaken are dropped.
 * @param subject what the answer is about, such as a layer: with another one nothing of the old answer is shown.
 * @param question all that the answer depends on; null: nothing is asked.
 */
export function useAnswer<T>(subject: string, question: string | null, ask: () => Promise<T>): Answer<T> {
  const [kept, setKept] = useState<Kept<T> | undefined>(undefined);
  useEffect(() => {
    if (question === null) return undefined;
    let isCurrent = true;
    const timer = setTimeout(() => {
      ask().then(
        (value) => isCurrent && setKept({ subject, question, value }),
        (error: unknown) =>
          isCurrent &&
          setKept({ subject, question, error: error instanceof Error ? error.message : String(error) }),
      );
    }, SETTLE_MS);
    return () => {
      isCurrent = false;
      clearTimeout(timer);
    };
  }, [subject, question]);
  if (question === null || kept?.subject !== subject) return { isBusy: question !== null };
  return { value: kept.value, error: kept.error, isBusy: kept.question !== question };
}
