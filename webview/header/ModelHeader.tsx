import type { ComponentChildren } from 'preact';
import type { OutputSummary, ValueSummary } from '../../src/core/results';
import {
  formatBytes,
  formatCount,
  formatInteger,
  formatNumber,
  formatPercent,
  formatShape,
} from '../../src/shared/format';
import type { ModelHeader as Header, PlanView, PredictionView, ViewCommand } from '../../src/shared/viewRpc';
import type { Host } from '../host';
import { Dimensions } from './Dimensions';
import { PlanSize } from './PlanSize';

interface ModelHeaderProps {
  name: string;
  header: Header;
  plan: PlanView;
  prediction: PredictionView;
  host: Host;
  run: (command: ViewCommand) => void;
}

export function ModelHeader({ name, header, plan, prediction, host, run }: ModelHeaderProps) {
  const opsets = header.opsets.map(({ domain, version }) => `${domain ? `${domain} ` : ''}${version}`);
  return (
    <header class="header">
      <h1>{name}</h1>
      <dl class="facts">
        <Fact name="Parameters" title={formatInteger(header.parameters)}>
          {formatCount(header.parameters)}
        </Fact>
        <Fact name="Size" title={`${formatInteger(header.bytes)} bytes with external data`}>
          {formatBytes(header.bytes)}
        </Fact>
        <Fact name="MACs" title="Multiply-accumulates of one run">
          {macsText(header)}
        </Fact>
        <Fact name="Opset" title={`IR version ${header.irVersion}`}>
          {opsets.join(', ') || 'none'}
        </Fact>
        <Fact name="Producer">{header.producer || 'not given'}</Fact>
      </dl>
      <dl class="facts values">
        <Fact name={header.inputs.length === 1 ? 'Input' : 'Inputs'}>
          <Values values={header.inputs.map((input) => ({ value: input, note: '' }))} />
        </Fact>
        <Fact name={header.outputs.length === 1 ? 'Output' : 'Outputs'}>
          <Values values={header.outputs.map((output) => ({ value: output, note: outputNote(output) }))} />
        </Fact>
        <Dimensions dimensions={header.dimensions} set={plan.dimensions} host={host} />
        <Fact name="Calibration data">
          <Calibration plan={plan} run={run} />
        </Fact>
        <Fact name="Plan">
          <PlanSize prediction={prediction} recover={plan.recover} run={run} />
        </Fact>
      </dl>
    </header>
  );
}

const FACTS = ['Parameters', 'Size', 'MACs', 'Opset', 'Producer'];
const VALUES = ['Inputs', 'Outputs', 'Calibration data', 'Plan'];

/** The header of a model that is still being read: about as high as it will be, so that what is below it hardly moves then. */
export function ComingHeader({ name }: { name: string }) {
  return (
    <header class="header">
      <h1>{name}</h1>
      <dl class="facts">
        {FACTS.map((fact) => (
          <Fact name={fact}>…</Fact>
        ))}
      </dl>
      <dl class="facts values">
        {VALUES.map((fact) => (
          <Fact name={fact}>…</Fact>
        ))}
      </dl>
    </header>
  );
}

function Fact({ name, title, children }: { name: string; title?: string; children: ComponentChildren }) {
  return (
    <div class="fact" title={title}>
      <dt>{name}</dt>
      <dd>{children}</dd>
    </div>
  );
}

function Values({ values }: { values: { value: ValueSummary; note: string }[] }) {
  return (
    <>
      {values.map(({ value, note }) => (
        <span class="value" key={value.name}>
          <b>{value.name}</b> {value.dtype} {formatShape(value.shape)}
          {note && <span class="dim"> {note}</span>}
        </span>
      ))}
    </>
  );
}

/** Unknown counts are not zero: the text says what is missing and how to get it. */
function macsText({ macs, macsUnknown, dimensions }: Header): string {
  if (macsUnknown === 0 && macs !== null) return formatCount(macs);
  const unset = Object.entries(dimensions).flatMap(([name, size]) => (size === null ? [name] : []));
  const advice = unset.length > 0 ? ` (set ${unset.join(', ')})` : '';
  if (macs === null) return `unknown${advice}`;
  return `${formatCount(macs)} + ${macsUnknown} layers unknown${advice}`;
}

function outputNote({ kind, classAxis }: OutputSummary): string {
  if (kind === 'values') return '';
  return classAxis === null ? kind : `${kind}, classes on axis ${classAxis}`;
}

function Calibration({ plan, run }: { plan: PlanView; run: (command: ViewCommand) => void }) {
  const { calibration, data } = plan;
  const parts = calibration
    ? [
        calibration.data === 'random'
          ? 'random inputs: figures will not hold for real data'
          : calibration.data,
        `${formatInteger(calibration.samples)} samples`,
        ...(data ? dataNotes(data) : []),
      ]
    : ['none chosen'];
  return (
    <>
      <span class="value">{parts.join(' · ')}</span>
      <button type="button" class="link" onClick={() => run('chooseData')}>
        {calibration ? 'Change…' : 'Choose…'}
      </button>
    </>
  );
}

/** What makes a wrong preprocessing show at once: ranges, and whether the float model predicts well. */
function dataNotes({ inputs, accuracy, predictions }: NonNullable<PlanView['data']>): string[] {
  const ranges = inputs.map(({ name, shape, min, max }) => {
    const range = min === null || max === null ? '' : `, values ${formatNumber(min)} to ${formatNumber(max)}`;
    return `${name} ${formatShape(shape)}${range}`;
  });
  if (accuracy) {
    return [
      ...ranges,
      `float top-1 ${formatPercent(accuracy.top1)} on ${formatInteger(accuracy.samples)} samples`,
    ];
  }
  const classes = predictions.slice(0, 5).map((prediction) => prediction.class);
  return classes.length > 0 ? [...ranges, `float predicts class ${classes.join(', ')}…`] : ranges;
}
