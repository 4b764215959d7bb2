import type { Candidate } from '../../src/core/results';
import { formatBytes } from '../../src/shared/format';
import { withError } from '../numberText';
import {
  barScales,
  candidateTitle,
  certainty,
  GUESS_LABEL,
  interactionText,
  measuredLabel,
  scaleFor,
  sensitivityText,
  type Measured,
} from '../tree/sensitivity';
import { SensitivityBar } from '../tree/SensitivityCell';
import { SchemeButton } from './SchemeButton';

interface SchemesTableProps {
  candidates: readonly Candidate[];
  /** The scheme in the plan. */
  planned: string;
  measured: Measured;
  onScheme: (scheme: string) => void;
}

/** The unit stands in the head of the column. */
function decibels(db: number | null): string {
  return db === null ? 'exact' : db.toFixed(1);
}

/** The candidates of one layer as bars and figures, the least harmful first. A click on a scheme applies it. Pure. */
export function SchemesTable({ candidates, planned, measured, onScheme }: SchemesTableProps) {
  const sorted = [...candidates].sort(byHarm);
  const scales = barScales(candidates, measured);
  const hasAgreement = candidates.some(({ agreement }) => typeof agreement === 'number');
  return (
    <>
      <table class="schemes" aria-label="Measured schemes">
        <thead>
          <tr>
            <th scope="col">Scheme</th>
            <th scope="col">Sensitivity</th>
            <th scope="col" title="SQNR at the layer's own output">
              SQNR, dB
            </th>
            {hasAgreement && (
              <th scope="col" class="agreement" title="Share of top classes that stay the float model's">
                Agree, %
              </th>
            )}
            <th scope="col">Size</th>
          </tr>
        </thead>
        <tbody>
          {sorted.map((candidate) => (
            <tr
              key={`${candidate.scheme} ${candidate.part ?? ''} ${candidate.recover ?? ''}`}
              title={candidateTitle(candidate, measured)}
            >
              <th scope="row">
                {candidate.part === undefined ? (
                  <>
                    <SchemeButton
                      scheme={candidate.scheme}
                      isPlanned={candidate.scheme === planned}
                      onScheme={onScheme}
                    />
                    {candidate.recover !== undefined && <span class="dim"> compensated</span>}
                  </>
                ) : (
                  <span class="dim">
                    {candidate.scheme}, {candidate.part} only
                  </span>
                )}
              </th>
              {candidate.sensitivity === null ? (
                <td colSpan={hasAgreement ? 3 : 2} class="failed">
                  <span class="codicon codicon-error" aria-hidden="true" /> failed:{' '}
                  {candidate.error ?? 'it could not be measured'}
                </td>
              ) : (
                <>
                  <td class="figure">
                    <span>
                      {candidate.interaction && (
                        <span
                          class="codicon codicon-arrow-swap"
                          role="img"
                          aria-label="Interaction"
                          title={`Interaction. ${interactionText(candidate)}`}
                        />
                      )}{' '}
                      {candidate.provisional
                        ? sensitivityText(candidate)
                        : withError(candidate.sensitivity, candidate.standardError)}
                    </span>
                    <SensitivityBar
                      value={candidate.sensitivity}
                      standardError={candidate.standardError ?? null}
                      guess={candidate.provisional ?? false}
                      scale={scaleFor(candidate, scales)}
                    />
                  </td>
                  <td>{candidate.provisional ? '–' : decibels(candidate.localSqnrDb)}</td>
                  {hasAgreement && (
                    <td class="agreement">
                      {typeof candidate.agreement === 'number' ? (100 * candidate.agreement).toFixed(1) : '–'}
                    </td>
                  )}
                </>
              )}
              <td>{candidate.sensitivity === null ? '' : formatBytes(candidate.bytes)}</td>
            </tr>
          ))}
        </tbody>
      </table>
      <p class="hint">
        {measured && `${measuredLabel(measured)}. `}
        {candidates.some(({ provisional }) => provisional) && `~ is a ${GUESS_LABEL}.`}
      </p>
    </>
  );
}

function byHarm(a: Candidate, b: Candidate): number {
  return certainty(a) - certainty(b) || (a.sensitivity ?? 0) - (b.sensitivity ?? 0);
}
