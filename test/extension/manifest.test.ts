import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import manifest from '../../package.json';
import { VIEW_TYPE } from '../../src/shared/viewRpc';

const declared = manifest.contributes.commands.map(({ command }) => command);
const commands = join(import.meta.dirname, '../../src/extension/commands');
const registered = readFileSync(join(commands, 'register.ts'), 'utf8');

describe('the manifest', () => {
  it('declares exactly the commands that are registered', () => {
    const names = [...registered.matchAll(/register\(\s*'([\w.]+)'/g)].map(
      ([, name]) => `roundoff.${name ?? ''}`,
    );
    expect([...names].sort()).toEqual([...declared].sort());
  });

  it('puts only declared commands into menus', () => {
    const used = Object.values(manifest.contributes.menus).flatMap((entries) =>
      entries.flatMap((entry) => ('command' in entry && entry.command ? [entry.command] : [])),
    );
    expect(used.filter((command) => !declared.includes(command))).toEqual([]);
  });

  it('names the view type that the code uses', () => {
    expect(manifest.contributes.customEditors.map(({ viewType }) => viewType)).toEqual([VIEW_TYPE]);
    for (const { when } of manifest.contributes.menus['webview/context'])
      expect(when).toContain(`'${VIEW_TYPE}'`);
  });

  it('points to files that exist', () => {
    const root = join(import.meta.dirname, '../..');
    expect(readdirSync(join(root, 'media'))).toContain(manifest.icon.replace('media/', ''));
    for (const { url } of manifest.contributes.jsonValidation)
      expect(readFileSync(join(root, url), 'utf8')).toContain('$schema');
  });
});
