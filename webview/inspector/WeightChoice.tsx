/** Operators whose weights are W for the input and R for the state. */
const RECURRENT: ReadonlySet<string> = new Set(['LSTM', 'GRU', 'RNN']);

/** Whether a layer of this operator has two weights, of which the inspector shows one. */
export function hasWeightChoice(op: string): boolean {
  return RECURRENT.has(op);
}

/** Which weight of a recurrent layer is shown; the plan gives both the same scheme. */
export function WeightChoice({ weight, onWeight }: { weight: number; onWeight: (weight: number) => void }) {
  const choose = (event: Event): void => onWeight(Number((event.currentTarget as HTMLSelectElement).value));
  return (
    <label class="field">
      <span>Weight</span>
      <vscode-single-select label="Weight" value={String(weight)} onChange={choose}>
        <vscode-option value="0">W: of the input</vscode-option>
        <vscode-option value="1">R: of the state</vscode-option>
      </vscode-single-select>
    </label>
  );
}
