/** Which plan an event is about: the row that it hits, or of the points of the chart that it hits, the nearest. */
export function planAt(event: Event): number | null {
  const hit = planOf(event.target);
  if (!hit || !(event instanceof MouseEvent) || !hit.querySelector('.hit')) return idOf(hit);
  // On a dense front the areas around the points overlap.
  const points = document.elementsFromPoint(event.clientX, event.clientY).map(planOf);
  return idOf(nearest(points, event) ?? hit);
}

function planOf(target: EventTarget | null): Element | null {
  return target instanceof Element ? target.closest('[data-plan]') : null;
}

function idOf(plan: Element | null): number | null {
  const id = plan?.getAttribute('data-plan');
  return id === null || id === undefined ? null : Number(id);
}

function nearest(points: readonly (Element | null)[], { clientX, clientY }: MouseEvent): Element | undefined {
  let best: { point: Element; distance: number } | undefined;
  for (const point of points) {
    const box = point?.querySelector('.hit')?.getBoundingClientRect();
    if (!point || !box) continue;
    const distance = Math.hypot((box.left + box.right) / 2 - clientX, (box.top + box.bottom) / 2 - clientY);
    if (!best || distance < best.distance) best = { point, distance };
  }
  return best?.point;
}
