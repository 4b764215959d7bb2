import { COLUMNS, comingCell, type Cell, type CellContext, type Column } from './columns';
import type { Line } from './flatten';
import { totalsOf } from './totals';
import { ROW_HEIGHT } from './virtualWindow';

interface GridRowProps {
  line: Line;
  index: number;
  selected: boolean;
  /** Has the roving tabindex. */
  active: boolean;
  /** The weight changed since its plan entry was made. */
  changed: boolean;
  /** Shows the module path beside the name, where there is no tree that tells it. */
  showPath: boolean;
  context: CellContext;
  /** False: rows are still to come, so that nothing can be told of groups. */
  isComplete: boolean;
}

export function GridRow({
  line,
  index,
  selected,
  active,
  changed,
  showPath,
  context,
  isComplete,
}: GridRowProps) {
  const { item, level } = line;
  const cellOf = (column: Column): Cell => {
    if (item.kind === 'row') return column.row(item.row, context);
    return isComplete ? column.group(totalsOf(item.rows), context) : comingCell(column);
  };
  return (
    <div
      role="row"
      class={`row ${item.kind}${selected ? ' selected' : ''}${item.kind === 'row' && !item.row.isLayer ? ' node' : ''}`}
      data-id={item.id}
      tabIndex={active ? 0 : -1}
      aria-level={level}
      aria-posinset={line.position}
      // -1: not known.
      aria-setsize={isComplete ? line.setSize : -1}
      aria-rowindex={index + 2}
      aria-selected={selected}
      aria-expanded={line.expanded}
      // Through the CSSOM: the content security policy drops style attributes.
      style={{ transform: `translateY(${index * ROW_HEIGHT}px)` }}
    >
      <div role="gridcell" class="cell name" style={{ paddingLeft: `${4 + (level - 1) * 12}px` }}>
        <span
          class={`twistie codicon ${line.expanded === undefined ? '' : line.expanded ? 'codicon-chevron-down' : 'codicon-chevron-right'}`}
          aria-hidden="true"
        />
        {item.kind === 'group' ? (
          <span class="label" title={item.path.join(' / ')}>
            {item.name}
          </span>
        ) : (
          <span class="label" title={item.row.name}>
            {shortName(item.row.name)}
            {showPath && item.row.path.length > 0 && <span class="path"> {item.row.path.join(' / ')}</span>}
          </span>
        )}
        {changed && (
          <span
            class="codicon codicon-warning"
            role="img"
            aria-label="Weight changed since it was planned"
            title="The weight changed since the plan's entry was made"
          />
        )}
      </div>
      {COLUMNS.map((column) => {
        const { content, title } = cellOf(column);
        return (
          <div
            key={column.id}
            role="gridcell"
            class={`cell ${column.id}${column.numeric ? ' numeric' : ''}`}
            title={title || undefined}
          >
            {content}
          </div>
        );
      })}
    </div>
  );
}

/** Exporters put the module path into node names; beside the tree its last part tells the rest. */
function shortName(name: string): string {
  const parts = name.split('/').filter(Boolean);
  return parts.at(-1) ?? name;
}
