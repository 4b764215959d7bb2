/** A chart of the view as a file of its own: every colour and font that style sheets and the theme give it is written down. */

export interface StandaloneSvg {
  readonly text: string;
  /** Pixels, as it is shown. */
  readonly width: number;
  readonly height: number;
}

/** Properties that charts use; children inherit all of them. */
const INHERITED = [
  'fill',
  'fill-opacity',
  'stroke',
  'stroke-opacity',
  'stroke-width',
  'stroke-dasharray',
  'stroke-linejoin',
  'stroke-linecap',
  'font-family',
  'font-size',
  'font-weight',
  'text-anchor',
  'dominant-baseline',
  'visibility',
] as const;

/** What an element has that nobody says anything of. */
const INITIAL: Readonly<Record<string, string>> = {
  fill: 'rgb(0, 0, 0)',
  'fill-opacity': '1',
  stroke: 'none',
  'stroke-opacity': '1',
  'stroke-width': '1px',
  'stroke-dasharray': 'none',
  'stroke-linejoin': 'miter',
  'stroke-linecap': 'butt',
  'text-anchor': 'start',
  'dominant-baseline': 'auto',
  visibility: 'visible',
};

/** Attributes that mean something only in the view. */
const DROPPED = /^(class|style|role|tabindex|aria-.*|data-.*|on.*)$/;

type Styles = Readonly<Record<string, string>>;

/** @param svg shown in the document. */
export function standaloneSvg(svg: SVGSVGElement): StandaloneSvg {
  const { width, height } = svg.getBoundingClientRect();
  const copy = svg.cloneNode(true) as SVGSVGElement;
  writeStyles(svg, copy, INITIAL);
  const title = svg.getAttribute('aria-label');
  const { x, y, width: across, height: down } = svg.viewBox.baseVal;
  const box = across > 0 ? { x, y, width: across, height: down } : { x: 0, y: 0, width, height };
  copy.setAttribute('xmlns', 'http://www.w3.org/2000/svg');
  copy.setAttribute('viewBox', [box.x, box.y, box.width, box.height].join(' '));
  copy.setAttribute('width', String(Math.round(width)));
  copy.setAttribute('height', String(Math.round(height)));
  const page = getComputedStyle(document.body).backgroundColor;
  copy.prepend(made('rect', { ...box, fill: channelsOf(page)?.colour ?? page }));
  if (title !== null) {
    const name = made('title', {});
    name.textContent = title;
    copy.prepend(name);
  }
  return { text: `${new XMLSerializer().serializeToString(copy)}\n`, width, height };
}

function made(name: string, attributes: Readonly<Record<string, string | number>>): SVGElement {
  const element = document.createElementNS('http://www.w3.org/2000/svg', name);
  for (const [key, value] of Object.entries(attributes)) element.setAttribute(key, String(value));
  return element;
}

/** Gives `copy` and all in it the looks of `shown`, as attributes; those that it inherits are left out. */
function writeStyles(shown: Element, copy: Element, inherited: Styles): void {
  const computed = getComputedStyle(shown);
  if (computed.display === 'none' || shown.localName === 'style') {
    copy.remove();
    return;
  }
  for (const { name } of [...copy.attributes]) if (DROPPED.test(name)) copy.removeAttribute(name);
  const own = looksOf(computed);
  for (const property of INHERITED) {
    copy.removeAttribute(property);
    const value = own[property] ?? '';
    if (value !== inherited[property]) copy.setAttribute(property, value);
  }
  copy.removeAttribute('opacity');
  if (computed.opacity !== '1') copy.setAttribute('opacity', computed.opacity);
  // A copy that is removed leaves the others where they are in this list.
  const copies = [...copy.children];
  for (const [at, child] of [...shown.children].entries()) {
    const other = copies[at];
    if (other) writeStyles(child, other, own);
  }
}

/** Transparency of colours goes into their opacity: that every reader of SVG understands. */
function looksOf(computed: CSSStyleDeclaration): Styles {
  const looks = Object.fromEntries(
    INHERITED.map((property) => [property, computed.getPropertyValue(property)]),
  );
  for (const property of ['fill', 'stroke']) {
    const channels = channelsOf(looks[property] ?? '');
    if (!channels) continue;
    looks[property] = channels.colour;
    looks[`${property}-opacity`] = String(channels.alpha * Number(looks[`${property}-opacity`]));
  }
  return looks;
}

function channelsOf(value: string): { colour: string; alpha: number } | undefined {
  const [, kind, list] = /^(rgba?|color)\((?:srgb )?([^)]*)\)$/.exec(value) ?? [];
  if (kind === undefined || list === undefined) return undefined;
  const [red = 0, green = 0, blue = 0, alpha = 1] = list
    .split(/[\s,/]+/)
    .filter((part) => part !== '')
    .map(Number);
  const scale = kind === 'color' ? 255 : 1;
  const bytes = [red, green, blue].map((channel) => Math.round(channel * scale));
  return { colour: `rgb(${bytes.join(', ')})`, alpha };
}
