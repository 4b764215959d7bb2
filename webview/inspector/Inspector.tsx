import type { Ref } from 'preact';
import { useState } from 'preact/hooks';
import {
  formatBytes,
  formatCount,
  formatDb,
  formatInteger,
  formatShape,
  plural,
} from '../../src/shared/format';
import { schemeCatalog, type SchemeFacts } from '../../src/core/quant/schemeCatalog';
import type { LatencyView, PlanView, ScanView, ViewRow } from '../../src/shared/viewRpc';
import type { Host } from '../host';
import { withError } from '../numberText';
import { predictedText, rowLabels } from '../rowText';
import { groupText } from '../tree/columns';
import { rowsOf, type TreeItem } from '../tree/rowTree';
import { GUESS_LABEL, interactionText, measuredLabel, sensitivityText } from '../tree/sensitivity';
import { shownScheme, totalsOf } from '../tree/totals';
import { Fact } from './Fact';
import { Neighbours } from './Neighbours';
import { RangeSection } from './RangeSection';
import { SchemesSection } from './SchemesSection';
import { SourceSection } from './SourceSection';
import { StoredFacts } from './StoredFacts';
import { hasWeightChoice, WeightChoice } from './WeightChoice';
import { WeightSections, withSection, type SectionState } from './WeightSections';
import { WhyItHurts } from './WhyItHurts';

interface InspectorProps {
  paneRef: Ref<HTMLElement>;
  host: Host;
  items: readonly TreeItem[];
  /** False: there are more rows, which still come. */
  isComplete: boolean;
  revision: number;
  plan: PlanView;
  scan: ScanView;
  latency: LatencyView;
  bits: number;
  onBits: (bits: number) => void;
  sections: SectionState;
  onSections: (part: Partial<SectionState>) => void;
  /** Selects another row. */
  onWalk: (layer: string) => void;
  lookOnly: string | null;
  /** The layer that the host wants explained; null: none. */
  explainWish: string | null;
  onWishTaken: () => void;
}

export function Inspector(props: InspectorProps) {
  const [first] = props.items;
  return (
    <aside class="inspector" ref={props.paneRef} tabIndex={-1} aria-label="Inspector">
      {!first ? (
        <p class="hint">Select a layer to see its weight and what clipping and rounding cost.</p>
      ) : props.items.length === 1 && first.kind === 'row' ? (
        <LayerInspector {...props} row={first.row} />
      ) : !props.isComplete && props.items.some(({ kind }) => kind === 'group') ? (
        <p class="hint">What the rows of a module add up to is known when all of them have been read.</p>
      ) : (
        <ManyInspector {...props} />
      )}
    </aside>
  );
}

function LayerInspector({
  row,
  host,
  revision,
  plan,
  scan,
  latency,
  bits,
  onBits,
  sections,
  onSections,
  onWalk,
  lookOnly,
  explainWish,
  onWishTaken,
}: InspectorProps & { row: ViewRow }) {
  const { weight, candidate } = row;
  const [choice, setChoice] = useState({ layer: row.name, weight: 0 });
  const position = choice.layer === row.name ? choice.weight : 0;
  const predicted = predictedText(row);
  return (
    <>
      <h2 title={row.name}>{row.name}</h2>
      <dl class="facts column">
        <Fact name="Operator" value={row.op} />
        {row.path.length > 0 && <Fact name="Module" value={row.path.join(' / ')} />}
        {weight && (
          <Fact name="Weight" value={`${weight.name}, ${formatShape(weight.shape)} ${weight.dtype}`} />
        )}
        {(row.isLayer || row.parameters > 0) && <Fact name="Cost" value={costOf(row)} />}
        {row.quantizable && predicted !== undefined && (
          <Fact name="Size" value={predicted} note="predicted" />
        )}
        {row.isLayer && !row.quantizable && (
          <Fact name="Scheme" value={`${shownScheme(row)}. ${row.reason ?? ''}`} />
        )}
        {candidate && candidate.sensitivity !== null && (
          <Fact
            name="Sensitivity"
            value={
              candidate.provisional
                ? sensitivityText(candidate)
                : withError(candidate.sensitivity, candidate.standardError)
            }
            note={candidate.provisional ? GUESS_LABEL : measuredLabel(scan.measured)}
          />
        )}
        {candidate && candidate.sensitivity !== null && !candidate.provisional && (
          <Fact name="Local SQNR" value={formatDb(candidate.localSqnrDb)} note="at its own output" />
        )}
        {candidate?.interaction && <Fact name="Interaction" value={interactionText(candidate)} />}
        {candidate?.error && <Fact name="Scan failed" value={candidate.error} />}
      </dl>
      <StoredFacts row={row} host={host} revision={revision} />
      {(row.quantizable || (!row.isLayer && row.foldedInto === undefined)) && (
        <SchemeSelect row={row} isCompensated={plan.recover.length > 0} host={host} />
      )}
      {plan.changed.includes(row.name) && (
        <p class="note">
          <span class="codicon codicon-warning" aria-hidden="true" /> The weight changed since the plan's
          entry was made.{' '}
          <button
            type="button"
            class="link"
            onClick={() =>
              void host.call('setScheme', { names: [row.name], scheme: row.scheme }).catch(() => undefined)
            }
          >
            Confirm {row.scheme}
          </button>
        </p>
      )}
      {weight && hasWeightChoice(row.op) && (
        <WeightChoice
          weight={position}
          onWeight={(chosen) => setChoice({ layer: row.name, weight: chosen })}
        />
      )}
      {row.quantizable && (
        <>
          <WhyItHurts
            key={`why ${row.name}`}
            row={row}
            host={host}
            revision={revision}
            lookOnly={lookOnly}
            isWished={explainWish === row.name}
            onWishTaken={onWishTaken}
          />
          <SchemesSection
            key={`schemes ${row.name}`}
            row={row}
            host={host}
            revision={revision}
            scan={scan}
            latency={latency}
            lookOnly={lookOnly}
          />
        </>
      )}
      {weight && row.quantizable && (
        <RangeSection
          key={`range ${row.name}`}
          host={host}
          row={row}
          weight={position}
          revision={revision}
          plan={plan}
          bits={bits}
          onBits={onBits}
          lookOnly={lookOnly}
          isScanning={scan.running !== null}
        />
      )}
      {weight && (
        <WeightSections
          key={`weight ${row.name}`}
          row={row}
          weight={position}
          host={host}
          revision={revision}
          state={sections}
          change={onSections}
        />
      )}
      <Neighbours
        host={host}
        layer={row.name}
        revision={revision}
        depth={sections.neighbourDepth}
        onDepth={(neighbourDepth) => onSections({ neighbourDepth })}
        isOpen={sections.openSections.includes('neighbours')}
        onToggle={(isOpen) =>
          onSections({ openSections: withSection(sections.openSections, 'neighbours', isOpen) })
        }
        onWalk={onWalk}
      />
      <SourceSection
        host={host}
        layer={row.name}
        revision={revision}
        isOpen={sections.openSections.includes('source')}
        onToggle={(isOpen) =>
          onSections({ openSections: withSection(sections.openSections, 'source', isOpen) })
        }
      />
    </>
  );
}

const NODE_SCHEMES: readonly SchemeFacts[] = [
  { format: 'auto', description: 'quantized when its inputs are' },
  { format: 'float', description: 'left as it is' },
];

/** What can be chosen; a format that is not in the catalog is among them while the row has it. */
function choicesFor({ isLayer, scheme }: ViewRow): readonly SchemeFacts[] {
  const offered = isLayer ? schemeCatalog : NODE_SCHEMES;
  return offered.some(({ format }) => format === scheme)
    ? offered
    : [{ format: scheme, description: 'as chosen' }, ...offered];
}

interface SchemeSelectProps {
  row: ViewRow;
  isCompensated: boolean;
  host: Host;
}

function SchemeSelect({ row, isCompensated, host }: SchemeSelectProps) {
  const schemes = choicesFor(row);
  const choose = (event: Event): void => {
    const { value } = event.currentTarget as HTMLSelectElement;
    if (value !== row.scheme) {
      void host.call('setScheme', { names: [row.name], scheme: value }).catch(() => undefined);
    }
  };
  const labels = rowLabels(row, isCompensated);
  return (
    <>
      <label class="field">
        <span>Scheme</span>
        <vscode-single-select key={row.name} label="Scheme" value={row.scheme} onChange={choose}>
          {schemes.map(({ format: text, description }) => (
            <vscode-option key={text} value={text}>
              {text}: {description}
            </vscode-option>
          ))}
        </vscode-single-select>
      </label>
      <p class="hint">
        {labels.length > 0 && `${labels.join(', ')}. `}
        {row.isLayer && (
          <button
            type="button"
            class="link"
            onClick={() => void host.call('chooseFormat', { names: [row.name] }).catch(() => undefined)}
          >
            Other schemes and options…
          </button>
        )}
      </p>
    </>
  );
}

function ManyInspector({ items, host }: InspectorProps) {
  const rows = [...new Map(items.flatMap((item) => rowsOf(item).map((row) => [row.name, row]))).values()];
  const totals = totalsOf(rows);
  const [first] = items;
  const title =
    items.length === 1 && first?.kind === 'group' ? first.name : `${plural(items.length, 'item')} selected`;
  const names = rows.filter(({ quantizable }) => quantizable).map(({ name }) => name);
  const set = (scheme: string): void => void host.call('setScheme', { names, scheme }).catch(() => undefined);
  return (
    <>
      <h2 title={title}>{title}</h2>
      <dl class="facts column">
        <Fact name="Layers" value={formatInteger(totals.layers)} />
        <Fact name="Parameters" value={formatInteger(totals.parameters)} />
        <Fact
          name="Size"
          value={
            totals.predicted === null ? formatBytes(totals.bytes) : groupText(totals.bytes, totals.predicted)
          }
        />
        <Fact name="MACs" value={totals.macs === null ? 'unknown' : formatCount(totals.macs)} />
        <Fact name="Schemes" value={totals.schemeDetail} />
      </dl>
      {names.length > 0 && (
        <div class="buttons">
          <vscode-button secondary onClick={() => set('w8a8')}>
            Quantize (w8a8)
          </vscode-button>
          <vscode-button secondary onClick={() => set('float')}>
            Keep Float
          </vscode-button>
          <vscode-button
            secondary
            onClick={() => void host.call('chooseFormat', { names }).catch(() => undefined)}
          >
            Quantize With…
          </vscode-button>
        </div>
      )}
    </>
  );
}

function costOf({ parameters, bytes, macs, isLayer }: ViewRow): string {
  const parts = [
    `${formatInteger(parameters)} parameters`,
    ...(bytes > 0 ? [formatBytes(bytes)] : []),
    ...(macs !== null ? [`${formatCount(macs)} MACs`] : isLayer ? ['MACs unknown'] : []),
  ];
  return parts.join(', ');
}
