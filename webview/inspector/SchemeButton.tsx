interface SchemeButtonProps {
  scheme: string;
  /** The plan has it already. */
  isPlanned: boolean;
  onScheme: (scheme: string) => void;
}

/** A scheme in a table; a click gives it to the layer. */
export function SchemeButton({ scheme, isPlanned, onScheme }: SchemeButtonProps) {
  if (isPlanned) {
    return (
      <span class="planned">
        {scheme}{' '}
        <span class="codicon codicon-check" role="img" aria-label="in the plan" title="In the plan" />
      </span>
    );
  }
  return (
    <button
      type="button"
      class="link"
      aria-label={`Apply ${scheme}`}
      title={`Give ${scheme} to this layer`}
      onClick={() => onScheme(scheme)}
    >
      {scheme}
    </button>
  );
}
