import { useState } from 'preact/hooks';
import { CHART_BITS } from '../../src/core/quant/fixedRange';
import { isCodebookScheme } from '../../src/core/quant/scheme';
import type { SplitValue } from '../../src/core/rangeResults';
import type { Candidate } from '../../src/core/results';
import type { PlanView, ViewRow } from '../../src/shared/viewRpc';
import type { Host } from '../host';
import { RangePanel } from './RangePanel';
import { useAnswer } from './useAnswer';

interface RangeSectionProps {
  host: Host;
  row: ViewRow;
  /** Which of the layer's weights. */
  weight: number;
  revision: number;
  plan: PlanView;
  bits: number;
  onBits: (bits: number) => void;
  /** Why models must not be run here; null when they may. */
  lookOnly: string | null;
  isScanning: boolean;
}

/** Activations have those of their type. */
const ACTIVATION_BITS = 8;

const NONE: readonly Candidate[] = [];

const VALUES: readonly SplitValue[] = ['weight', 'input', 'output'];

/** Clipping against rounding of what a layer holds, reads and gives, with a hand on the range. One of these per layer. */
export function RangeSection({
  host,
  row,
  weight,
  revision,
  plan,
  bits,
  onBits,
  lookOnly,
  isScanning,
}: RangeSectionProps) {
  const [chosen, setChosen] = useState<SplitValue>('weight');
  const [scheme = ''] = row.scheme.split(',');
  /** The planned scheme has a table of its own, and the chart may show that instead of integers. */
  const planned = isCodebookScheme(scheme) ? scheme : undefined;
  const [wantsTable, setWantsTable] = useState(true);
  const hasData = plan.calibration !== null && lookOnly === null;
  const of = hasData ? chosen : 'weight';
  const layer = row.name;
  const width = of === 'weight' ? bits : ACTIVATION_BITS;
  const table = of === 'weight' && wantsTable ? planned : undefined;
  const chooseCodes = (event: Event): void => {
    const { value } = event.currentTarget as HTMLSelectElement;
    setWantsTable(value === planned);
    if (value !== planned) onBits(Number(value));
  };
  const {
    value: curve,
    error,
    isBusy,
  } = useAnswer(
    `${of} ${weight} ${layer}`,
    JSON.stringify([revision, row.scheme, table ?? width, of === 'weight' || plan.calibration]),
    () => host.call('errorSplit', { layer, weight, of, bits: width, ...(table !== undefined && { table }) }),
  );
  // The row's own candidate changes as it is measured; those of other schemes are there when the scan ends.
  const { value: candidates = NONE } = useAnswer(
    layer,
    JSON.stringify([revision, row.candidate, isScanning]),
    () => host.call('candidatesOf', { layer }),
  );
  return (
    <section class="chart" aria-label="Clipping versus rounding" aria-busy={isBusy}>
      <div class="chart-head">
        <h3>Clipping versus rounding</h3>
        {of === 'weight' && (
          <label class="field inline">
            <span>Bits</span>
            {/* Made anew with other options: it would not show one that comes after its value. */}
            <vscode-single-select
              key={planned ?? ''}
              label="Bit width"
              value={table ?? String(bits)}
              onChange={chooseCodes}
            >
              {planned !== undefined && <vscode-option value={planned}>{planned}</vscode-option>}
              {CHART_BITS.map((width) => (
                <vscode-option key={width} value={String(width)}>
                  {width}
                </vscode-option>
              ))}
            </vscode-single-select>
          </label>
        )}
      </div>
      {hasData ? (
        <fieldset class="choice">
          <legend class="hidden-text">Value of the layer</legend>
          {VALUES.map((value) => (
            <label key={value}>
              <input type="radio" name="split-of" checked={value === of} onChange={() => setChosen(value)} />
              {value}
            </label>
          ))}
        </fieldset>
      ) : (
        <p class="hint">
          {lookOnly === null
            ? 'Choose calibration data to see what the layer reads and gives too.'
            : 'Of the weight alone: models are not run here.'}
        </p>
      )}
      {error !== undefined && (
        <p class="note" role="alert">
          <span class="codicon codicon-error" aria-hidden="true" /> {error}
        </p>
      )}
      {isBusy && !curve && (
        <p class="hint working" role="status">
          <span class="codicon codicon-loading codicon-modifier-spin" aria-hidden="true" />{' '}
          {of === 'weight' ? 'Reading the weight…' : 'Running the model on the calibration slice…'}
        </p>
      )}
      {curve && (
        <RangePanel
          key={`${curve.of} ${curve.value}`}
          curve={curve}
          row={row}
          plan={plan}
          candidates={candidates}
          host={host}
        />
      )}
    </section>
  );
}
