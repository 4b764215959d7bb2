/** @param note what the value means, in a quieter colour. */
export function Fact({ name, value, note }: { name: string; value: string; note?: string }) {
  return (
    <div class="fact">
      <dt>{name}</dt>
      <dd>
        {value}
        {note && <span class="dim">{note}</span>}
      </dd>
    </div>
  );
}
