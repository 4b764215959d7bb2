/** Registers the controls used from @vscode-elements/elements and tells TypeScript their attributes. */
import '@vscode-elements/elements/dist/vscode-button/index.js';
import '@vscode-elements/elements/dist/vscode-checkbox/index.js';
import '@vscode-elements/elements/dist/vscode-icon/index.js';
import '@vscode-elements/elements/dist/vscode-option/index.js';
import '@vscode-elements/elements/dist/vscode-progress-bar/index.js';
import '@vscode-elements/elements/dist/vscode-single-select/index.js';
import '@vscode-elements/elements/dist/vscode-textfield/index.js';
import '@vscode-elements/elements/dist/vscode-toolbar-button/index.js';
import type { HTMLAttributes } from 'preact';

interface Controls {
  'vscode-button': { secondary?: boolean; disabled?: boolean; icon?: string };
  'vscode-checkbox': { checked?: boolean; label?: string; disabled?: boolean };
  'vscode-icon': { name: string; size?: number; spin?: boolean; label?: string };
  'vscode-option': { value: string; description?: string; disabled?: boolean };
  'vscode-progress-bar': { value?: number; max?: number; indeterminate?: boolean };
  'vscode-single-select': { value?: string; disabled?: boolean; label?: string };
  'vscode-textfield': {
    value?: string;
    placeholder?: string;
    type?: string;
    label?: string;
    min?: number;
    step?: number;
    invalid?: boolean;
  };
  'vscode-toolbar-button': {
    icon: string;
    label: string;
    disabled?: boolean;
    toggleable?: boolean;
    checked?: boolean;
  };
}

type ControlElements = {
  [Tag in keyof Controls]: Omit<HTMLAttributes<HTMLElement>, keyof Controls[Tag]> & Controls[Tag];
};

declare module 'preact' {
  // Merging into Preact's namespace is the only way to declare custom elements to JSX.
  // eslint-disable-next-line @typescript-eslint/no-namespace
  namespace JSX {
    // eslint-disable-next-line @typescript-eslint/no-empty-object-type
    interface IntrinsicElements extends ControlElements {}
  }
}
