export interface NotedFact {
  readonly name: string;
  readonly value: string;
  /** What the value means, in a quieter colour. */
  readonly note?: string;
}

export function Fact({ name, value, note }: NotedFact) {
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

export function FactList({ facts }: { facts: readonly NotedFact[] }) {
  return (
    <dl class="facts column">
      {facts.map((fact) => (
        <Fact key={fact.name} {...fact} />
      ))}
    </dl>
  );
}
