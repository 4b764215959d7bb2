import type { ClassScore, SampleDescription, SampleOutcome } from '../../src/core/compareResults';
import { classText, whichIsRight } from '../../src/shared/classText';
import type { SampleRow } from '../../src/shared/comparisonRpc';
import { formatDb, formatNumber, formatPercent, formatShape } from '../../src/shared/format';
import { ExportButton } from '../export/ExportButton';
import { Shown } from '../inspector/Shown';
import { useAnswer } from '../inspector/useAnswer';
import type { ComparisonHost } from './ComparisonApp';

type Names = Readonly<Record<string, string>>;

interface SampleDetailsProps {
  output: string;
  row: SampleRow;
  classNames: Names;
  host: ComparisonHost;
}

/** The chosen sample: what it looks like, what the models make of it, and what they are fed. */
export function SampleDetails({ output, row, classNames, host }: SampleDetailsProps) {
  const { sample, label, a, b } = row;
  const outcome = useAnswer(`${output} ${sample}`, `${sample}`, () =>
    host.call('outcome', { output, sample }),
  );
  const described = useAnswer(`${sample}`, `${sample}`, () => host.call('describeSample', { sample }));
  const right = a === null || b === null || row.vectors > 1 ? '–' : whichIsRight(a, b, label);
  return (
    <section class="sample-details" aria-label={`Sample ${sample}`} aria-live="polite">
      <div class="picture">
        <Shown
          answer={described}
          reading="Reading the sample…"
          show={(found) => <Picture described={found} label={label} classNames={classNames} />}
        />
      </div>
      <div class="outcome">
        <h3>Sample {sample}</h3>
        <p>
          SQNR {formatDb(row.sqnrDb)}
          {label !== null && `, label ${classText(label, classNames)}`}
          {right !== '–' && `, right: ${right}`}
          {row.vectors > 1 && `, ${row.changed} of ${row.vectors} positions change`}
        </p>
        <Shown
          answer={outcome}
          reading="Reading the scores…"
          show={({ best }) =>
            best ? <Scores best={best} sample={sample} label={label} classNames={classNames} /> : null
          }
        />
        {described.value && <Inputs inputs={described.value.inputs} />}
      </div>
    </section>
  );
}

function Picture({
  described: { picture, whyNoPicture, file, sample },
  label,
  classNames,
}: {
  described: SampleDescription;
  label: number | null;
  classNames: Names;
}) {
  if (!picture) return <p class="hint">{whyNoPicture ?? 'No input looks like an image.'}</p>;
  const what = label === null ? '' : `, label ${classText(label, classNames)}`;
  return (
    <figure>
      <img
        src={picture.url}
        alt={`${file ?? `Sample ${sample}`}${what}`}
        class={picture.width < 100 ? 'enlarged' : undefined}
      />
      <figcaption class="dim">
        {file ?? 'The input, from its least value (black) to its greatest (white).'}
      </figcaption>
    </figure>
  );
}

function Scores({
  best: { a, b, position },
  sample,
  label,
  classNames,
}: {
  best: NonNullable<SampleOutcome['best']>;
  sample: number;
  label: number | null;
  classNames: Names;
}) {
  const table = () => (
    <table class="figures scores">
      <thead>
        <tr>
          <th scope="col">Rank</th>
          <th scope="col" class="text">
            Class of A
          </th>
          <th scope="col">Score of A</th>
          <th scope="col" class="text">
            Class of B
          </th>
          <th scope="col">Score of B</th>
        </tr>
      </thead>
      <tbody>
        {a.map((ofA, rank) => {
          const ofB = b[rank];
          return (
            <tr key={rank} class={ofB?.class === ofA.class ? undefined : 'differs'}>
              <th scope="row">{rank + 1}</th>
              <ClassCells score={ofA} label={label} classNames={classNames} />
              {ofB && <ClassCells score={ofB} label={label} classNames={classNames} />}
            </tr>
          );
        })}
      </tbody>
    </table>
  );
  return (
    <>
      <div class="comparison-head">
        <h3>Class scores{position !== undefined && ` at position ${position}`}</h3>
        <ExportButton title={`Class scores of sample ${sample}`} chart={() => null} table={table} />
      </div>
      {table()}
    </>
  );
}

function ClassCells({
  score,
  label,
  classNames,
}: {
  score: ClassScore;
  label: number | null;
  classNames: Names;
}) {
  return (
    <>
      <td class="text">
        {classText(score.class, classNames)}
        {score.class === label && (
          <span class="codicon codicon-check" role="img" aria-label="is the label" title="The label" />
        )}
      </td>
      <td class="score">
        <span class="figure">
          {formatNumber(score.score)}
          {score.score !== score.probability && ` (${formatPercent(score.probability)})`}
        </span>
        <svg class="bar" viewBox="0 0 100 6" preserveAspectRatio="none" aria-hidden="true">
          <rect width={Math.max(0, Math.min(100, 100 * score.probability)).toFixed(1)} height="6" />
        </svg>
      </td>
    </>
  );
}

function Inputs({ inputs }: Pick<SampleDescription, 'inputs'>) {
  return (
    <ul class="dim">
      {inputs.map(({ name, dtype, shape, min, max, mean }) => (
        <li key={name}>
          {name}: {dtype} {formatShape(shape)}
          {min !== null &&
            max !== null &&
            mean !== null &&
            `, ${formatNumber(min)} to ${formatNumber(max)}, mean ${formatNumber(mean)}`}
        </li>
      ))}
    </ul>
  );
}
