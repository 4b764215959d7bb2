import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import type { AxeResults } from 'axe-core';
import type { Frame } from 'playwright-core';
import { expect } from 'vitest';

const axeSource = readFileSync(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8');
/** A view is a part of VS Code's page, which has the landmarks. */
const options = JSON.stringify({
  runOnly: ['wcag2a', 'wcag2aa', 'best-practice'],
  rules: { region: { enabled: false } },
});

/** Expects axe to find nothing in a part of a view, after more than `least` checks that passed. */
export async function expectAccessible(frame: Frame, selector: string, least: number): Promise<void> {
  await frame.evaluate(axeSource);
  const { passes, violations } = await frame.evaluate<AxeResults>(
    `axe.run(${JSON.stringify(selector)}, ${options})`,
  );
  expect(passes.length).toBeGreaterThan(least);
  expect(violations.map(({ id, nodes }) => `${id}: ${nodes.map(({ html }) => html).join(' | ')}`)).toEqual(
    [],
  );
}
