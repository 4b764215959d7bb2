import { useEffect, useRef } from 'preact/hooks';
import type { Neighbourhood } from '../../src/core/inspectorResults';
import type { Host } from '../host';
import { Disclosure } from './Disclosure';
import { NeighbourTree } from './NeighbourTree';
import type { Side } from './neighbourLines';
import { Shown } from './Shown';
import { useAnswer } from './useAnswer';

const DEPTHS = [1, 2, 3, 4, 6, 8] as const;

interface NeighboursProps {
  host: Host;
  layer: string;
  revision: number;
  depth: number;
  onDepth: (depth: number) => void;
  isOpen: boolean;
  onToggle: (isOpen: boolean) => void;
  /** Selects another row. */
  onWalk: (layer: string) => void;
}

/** What feeds the selected row and what reads it. It stays as the selection walks along the graph, and the focus with it. */
export function Neighbours(props: NeighboursProps) {
  const { host, layer, revision, depth, isOpen } = props;
  const answer = useAnswer(JSON.stringify([revision, layer]), isOpen ? `${depth}` : null, () =>
    host.call('neighbours', { layer, depth }),
  );
  const body = useRef<HTMLDivElement>(null);
  const walked = useRef<Side | null>(null);
  useEffect(() => {
    const side = walked.current;
    if (side === null || answer.value === undefined) return;
    walked.current = null;
    const place = body.current;
    const item = place?.querySelector<HTMLElement>(`[data-side=${side}] [tabindex="0"]`);
    (item ?? place?.querySelector<HTMLElement>('.walked'))?.focus();
  }, [answer.value]);
  const choose = (event: Event): void =>
    props.onDepth(Number((event.currentTarget as HTMLSelectElement).value));
  const walk = (side: Side, name: string): void => {
    walked.current = side;
    props.onWalk(name);
  };
  const trees = (around: Neighbourhood) => (
    <>
      <NeighbourTree around={around} side="producers" onWalk={walk} />
      <p class="walked" tabIndex={-1}>
        {around.layer}
      </p>
      <NeighbourTree around={around} side="consumers" onWalk={walk} />
      {!around.isWhole && <p class="hint">There are more: these are the nearest ones.</p>}
    </>
  );
  return (
    <Disclosure
      id="neighbours"
      title="Graph"
      isOpen={isOpen}
      isBusy={isOpen && answer.isBusy}
      onToggle={props.onToggle}
    >
      <label class="field inline depth">
        <span>Steps away</span>
        <vscode-single-select label="Steps away" value={String(depth)} onChange={choose}>
          {DEPTHS.map((steps) => (
            <vscode-option key={steps} value={String(steps)}>
              {steps}
            </vscode-option>
          ))}
        </vscode-single-select>
      </label>
      <div ref={body} class="neighbours">
        <Shown answer={answer} show={trees} reading="Reading the graph…" />
      </div>
    </Disclosure>
  );
}
