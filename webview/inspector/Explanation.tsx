import type { LayerExplanation, LayerRemedy } from '../../src/core/explainResults';
import { formatBytes, formatDb, formatNumber, formatPercent } from '../../src/shared/format';
import { ShareBar } from '../charts/ShareBar';
import { CAUSE_LABELS, errorFacts, standingText } from './explanationText';
import { Fact } from './Fact';
import { SchemeButton } from './SchemeButton';

interface ExplanationProps {
  explanation: LayerExplanation;
  /** The scheme in the plan. */
  planned: string;
  onScheme: (scheme: string) => void;
}

/** What an explanation says: causes with their shares, worst channels, errors, remedies. Pure. */
export function Explanation({ explanation, planned, onScheme }: ExplanationProps) {
  const { causes, weight, remedies } = explanation;
  const facts = errorFacts(explanation);
  return (
    <div class="explanation">
      <p>{standingText(explanation)}</p>
      {causes.length === 0 ? (
        <p class="hint">Nothing stands out: its error is as small as the scheme allows.</p>
      ) : (
        <ul class="causes" aria-label="Causes">
          {causes.map(({ kind, share, text }, index) => (
            <li key={index}>
              <div class="cause-head">
                <b>{CAUSE_LABELS[kind]}</b>
                {share !== null && (
                  <>
                    <ShareBar share={share} />
                    <span class="share-text">{formatPercent(share)}</span>
                  </>
                )}
              </div>
              <p>{text}</p>
            </li>
          ))}
        </ul>
      )}
      {weight && weight.worstChannels.length > 0 && (
        <>
          <h4>Channels with most of the error</h4>
          <ul class="channels" aria-label="Channels with most of the error">
            {weight.worstChannels.map(({ channel, share }) => (
              <li key={channel}>
                <span>{channel}</span>
                <ShareBar share={share} />
                <span class="share-text">{formatPercent(share)}</span>
              </li>
            ))}
          </ul>
        </>
      )}
      {facts.length > 0 && (
        <dl class="facts column">
          {facts.map(({ name, value }, index) => (
            <Fact key={index} name={name} value={value} />
          ))}
        </dl>
      )}
      <h4>What would help</h4>
      {remedies.length === 0 ? (
        <p class="hint">Nothing that was tried does better.</p>
      ) : (
        <Remedies remedies={remedies} planned={planned} onScheme={onScheme} />
      )}
    </div>
  );
}

function Remedies({
  remedies,
  planned,
  onScheme,
}: Pick<ExplanationProps, 'planned' | 'onScheme'> & { remedies: readonly LayerRemedy[] }) {
  return (
    <table class="schemes" aria-label="Remedies">
      <thead>
        <tr>
          <th scope="col">Scheme</th>
          <th scope="col">Sensitivity</th>
          <th scope="col">Weight SQNR</th>
          <th scope="col">Size</th>
        </tr>
      </thead>
      {remedies.map(({ scheme, sensitivity, weightSqnrDb, bytes, text }) => (
        <tbody key={scheme}>
          <tr>
            <th scope="row">
              <SchemeButton scheme={scheme} isPlanned={scheme === planned} onScheme={onScheme} />
            </th>
            <td>{sensitivity === null ? 'not measured' : formatNumber(sensitivity)}</td>
            <td>{formatDb(weightSqnrDb)}</td>
            <td>{formatBytes(bytes)}</td>
          </tr>
          <tr class="remark">
            <td colSpan={4}>{text}</td>
          </tr>
        </tbody>
      ))}
    </table>
  );
}
