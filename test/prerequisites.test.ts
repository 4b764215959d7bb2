import { afterEach, beforeEach, expect, it, vi } from 'vitest';
import { checkBuildTools } from '../scripts/vscode/browserVsCode';
import { findChromium } from '../scripts/vscode/chromium';

beforeEach(() => vi.stubEnv('PATH', ''));
afterEach(() => vi.unstubAllEnvs());

it.runIf(process.platform === 'linux')('says what to install when tools or a browser are missing', () => {
  expect(checkBuildTools).toThrow('apt-get install -y python3 make g++ libkrb5-dev');
  expect(findChromium).toThrow('apt-get install -y chromium');
});
