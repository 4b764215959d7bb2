import { useState } from 'preact/hooks';
import type { Host } from '../host';

interface DimensionsProps {
  /** Symbolic dimensions of the model and the sizes in use. */
  dimensions: Record<string, number | null>;
  /** Those that the plan sets. */
  set: Record<string, number>;
  host: Host;
}

/** Fields for the sizes of symbolic dimensions; empty means unknown. */
export function Dimensions({ dimensions, set, host }: DimensionsProps) {
  const names = Object.keys(dimensions);
  if (names.length === 0) return null;
  return (
    <div class="fact">
      <dt>{names.length === 1 ? 'Dimension' : 'Dimensions'}</dt>
      <dd>
        {names.map((name) => (
          <DimensionField
            key={name}
            name={name}
            size={Object.hasOwn(set, name) ? (set[name] ?? null) : null}
            assumed={dimensions[name] ?? null}
            onSize={(size) => void host.call('setDimension', { name, size }).catch(() => undefined)}
          />
        ))}
      </dd>
    </div>
  );
}

interface DimensionFieldProps {
  name: string;
  size: number | null;
  /** Used when the plan sets nothing. */
  assumed: number | null;
  onSize: (size: number | null) => void;
}

function DimensionField({ name, size, assumed, onSize }: DimensionFieldProps) {
  const [invalid, setInvalid] = useState(false);
  const commit = (event: Event): void => {
    const text = (event.currentTarget as HTMLInputElement).value.trim();
    const value = text === '' ? null : Number(text);
    const wrong = value !== null && (!Number.isSafeInteger(value) || value < 1);
    setInvalid(wrong);
    if (!wrong && value !== size) onSize(value);
  };
  return (
    <label class="dimension">
      <span>{name}</span>
      <vscode-textfield
        label={`Size of ${name}`}
        type="text"
        value={size === null ? '' : String(size)}
        placeholder={assumed === null ? '?' : String(assumed)}
        invalid={invalid}
        onChange={commit}
      />
    </label>
  );
}
