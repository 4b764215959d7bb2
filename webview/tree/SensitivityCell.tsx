import type { Candidate } from '../../src/core/results';
import {
  candidateTitle,
  interactionText,
  scaleFor,
  sensitivityText,
  shareOf,
  type BarScale,
  type BarScales,
  type Measured,
} from './sensitivity';

/** What a cell shows of a candidate; groups have one without a layer. */
export type Shown = Pick<
  Candidate,
  'sensitivity' | 'standardError' | 'provisional' | 'interaction' | 'restoring'
>;

/** Bar and number of a figure, or the mark of a failure. */
export function SensitivityCell({ candidate, scales, measured }: CandidateCellProps) {
  if (candidate.sensitivity === null) {
    const label = candidateTitle(candidate, measured);
    return (
      <span class="failed">
        <span class="codicon codicon-error" role="img" aria-label={label} /> failed
      </span>
    );
  }
  return <Meter shown={candidate} scales={scales} />;
}

interface CandidateCellProps {
  candidate: Candidate;
  scales: BarScales;
  measured: Measured;
}

export function Meter({ shown, scales }: { shown: Shown; scales: BarScales }) {
  const { sensitivity, standardError, provisional, interaction } = shown;
  return (
    <span class={`meter${provisional ? ' guess' : ''}`}>
      <SensitivityBar
        value={sensitivity ?? 0}
        standardError={standardError ?? null}
        guess={provisional ?? false}
        scale={scaleFor(shown, scales)}
      />
      {interaction && (
        <span
          class="codicon codicon-arrow-swap"
          role="img"
          aria-label="Interaction"
          title={`Interaction. ${interactionText(shown)}`}
        />
      )}
      <span class="number">{sensitivityText(shown)}</span>
    </span>
  );
}

interface SensitivityBarProps {
  value: number;
  standardError: number | null;
  guess: boolean;
  scale: BarScale;
}

/** A full bar for what was measured, with a whisker of ± one standard error; a hatched outline for a guess. Pure. */
export function SensitivityBar({ value, standardError, guess, scale }: SensitivityBarProps) {
  const share = shareOf(value, scale);
  const ends =
    standardError !== null && standardError > 0
      ? [shareOf(value - standardError, scale), shareOf(value + standardError, scale)]
      : undefined;
  return (
    <svg class="bar" height="10" aria-hidden="true">
      <rect class="bar-track" width="100%" height="100%" />
      {guess ? (
        <rect class="bar-guess" width={percent(share)} height="100%" fill={`url(#${HATCH_ID})`} />
      ) : (
        <rect class="bar-fill" width={percent(share)} height="100%" />
      )}
      {ends && (
        <>
          <line class="bar-whisker" x1={percent(ends[0] ?? 0)} x2={percent(ends[1] ?? 0)} y1="50%" y2="50%" />
          {ends.map((end, index) => (
            <line key={index} class="bar-whisker" x1={percent(end)} x2={percent(end)} y1="20%" y2="80%" />
          ))}
        </>
      )}
    </svg>
  );
}

export const HATCH_ID = 'hatch';

/** The pattern of guesses, once per document. */
export function HatchPattern() {
  return (
    <svg class="defs" width="0" height="0" aria-hidden="true">
      <defs>
        <pattern
          id={HATCH_ID}
          width="5"
          height="5"
          patternUnits="userSpaceOnUse"
          patternTransform="rotate(45)"
        >
          <line class="hatch" x1="0" x2="0" y1="0" y2="5" />
        </pattern>
      </defs>
    </svg>
  );
}

function percent(share: number): string {
  return `${(100 * share).toFixed(1)}%`;
}
