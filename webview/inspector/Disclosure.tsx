import type { ComponentChildren } from 'preact';

interface DisclosureProps {
  /** Unique in the inspector. */
  id: string;
  title: string;
  isOpen: boolean;
  onToggle: (isOpen: boolean) => void;
  /** What it shows is being read. */
  isBusy?: boolean;
  children: ComponentChildren;
}

/** A section of the inspector that opens and closes; what is closed is neither shown nor asked for. */
export function Disclosure({ id, title, isOpen, onToggle, isBusy = false, children }: DisclosureProps) {
  const content = `section-${id}`;
  return (
    <section class="disclosure" aria-label={title} aria-busy={isBusy}>
      <h3>
        <button
          type="button"
          class="disclosure-head"
          aria-expanded={isOpen}
          aria-controls={isOpen ? content : undefined}
          onClick={() => onToggle(!isOpen)}
        >
          <span class={`codicon codicon-chevron-${isOpen ? 'down' : 'right'}`} aria-hidden="true" />
          {title}
        </button>
      </h3>
      {isOpen && (
        <div id={content} class="disclosure-body">
          {children}
        </div>
      )}
    </section>
  );
}
