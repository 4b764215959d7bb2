import { useState } from 'preact/hooks';
import type { Neighbourhood } from '../../src/core/inspectorResults';
import { edgeText, neighbourLines, type NeighbourLine, type Side } from './neighbourLines';

interface NeighbourTreeProps {
  around: Neighbourhood;
  side: Side;
  onWalk: (side: Side, name: string) => void;
}

const TITLES: Readonly<Record<Side, string>> = { producers: 'Reads from', consumers: 'Read by' };

/** One side of the graph around a row, walked by the arrow keys; Enter or a click goes to a node. */
export function NeighbourTree({ around, side, onWalk }: NeighbourTreeProps) {
  const lines = neighbourLines(around, side);
  const [current, setCurrent] = useState(0);
  const active = Math.min(current, lines.length - 1);
  const focusOn = (tree: HTMLElement, at: number): void => {
    const to = Math.max(0, Math.min(lines.length - 1, at));
    setCurrent(to);
    tree.querySelectorAll<HTMLElement>('[role=treeitem]').item(to).focus();
  };
  const onKeyDown = (event: KeyboardEvent): void => {
    const to = targetOf(event.key, lines, active);
    if (to === undefined || event.altKey || event.ctrlKey || event.metaKey) return;
    event.preventDefault();
    const name = lines[active]?.node?.name;
    if (to !== 'enter') focusOn(event.currentTarget as HTMLElement, to);
    else if (name !== undefined) onWalk(side, name);
  };
  if (lines.length === 0) {
    return <p class="hint">{side === 'producers' ? 'It reads no other node.' : 'No other node reads it.'}</p>;
  }
  return (
    <div data-side={side}>
      <h4>{TITLES[side]}</h4>
      <ul role="tree" aria-label={`${TITLES[side]}: ${around.layer}`} onKeyDown={onKeyDown}>
        {lines.map(({ key, level, node, edge, isRepeated }, at) => (
          <li
            key={key}
            role="treeitem"
            aria-level={level}
            aria-selected={false}
            tabIndex={at === active ? 0 : -1}
            class={`level-${level}${node ? ' node' : ''}`}
            title={node ? `Go to ${node.name}` : undefined}
            onFocus={() => setCurrent(at)}
            onClick={() => node && onWalk(side, node.name)}
          >
            <span class="neighbour">
              {node ? (
                <>
                  {node.name} <span class="dim">{node.op}</span>
                </>
              ) : (
                <i>{side === 'producers' ? 'input' : 'output'}</i>
              )}
              {isRepeated && <span class="dim"> (see above or below)</span>}
            </span>
            <span class="dim edge">{edgeText(edge)}</span>
          </li>
        ))}
      </ul>
    </div>
  );
}

/** Where a key leads; undefined: it is none of the tree's. */
function targetOf(
  key: string,
  lines: readonly NeighbourLine[],
  active: number,
): number | 'enter' | undefined {
  const level = lines[active]?.level ?? 1;
  switch (key) {
    case 'ArrowDown':
      return active + 1;
    case 'ArrowUp':
      return active - 1;
    case 'Home':
      return 0;
    case 'End':
      return lines.length - 1;
    case 'ArrowRight':
      return (lines[active + 1]?.level ?? 0) > level ? active + 1 : active;
    case 'ArrowLeft':
      return Math.max(
        0,
        lines.findLastIndex((line, at) => at < active && line.level < level),
      );
    case 'Enter':
    case ' ':
      return 'enter';
    default:
      return undefined;
  }
}
