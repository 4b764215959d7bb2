import { Fragment, type ComponentChildren, type VNode } from 'preact';

/** Markup of a tree of pure components, one element a line, for golden files. Components with state are not for this. */
export function renderMarkup(node: ComponentChildren, indent = ''): string {
  if (node === null || node === undefined || typeof node === 'boolean') return '';
  if (Array.isArray(node))
    return node.map((child: ComponentChildren) => renderMarkup(child, indent)).join('');
  if (typeof node !== 'object') return `${indent}${escape(String(node))}\n`;
  const { type, props } = node as VNode<Record<string, unknown>>;
  const { children, ...attributes } = props as Record<string, unknown> & { children?: ComponentChildren };
  if (type === Fragment) return renderMarkup(children, indent);
  if (typeof type === 'function') {
    return renderMarkup((type as (props: unknown) => ComponentChildren)(props), indent);
  }
  const written = Object.entries(attributes)
    .filter(([, value]) => value !== undefined && value !== false)
    .map(([name, value]) => ` ${name}="${escape(String(value))}"`)
    .join('');
  const inner = renderMarkup(children, `${indent}  `);
  if (inner === '') return `${indent}<${String(type)}${written}/>\n`;
  return `${indent}<${String(type)}${written}>\n${inner}${indent}</${String(type)}>\n`;
}

function escape(text: string): string {
  return text
    .replaceAll('&', '&amp;')
    .replaceAll('<', '&lt;')
    .replaceAll('>', '&gt;')
    .replaceAll('"', '&quot;');
}
