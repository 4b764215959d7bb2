import { join } from 'node:path';
import { firstExecutable, onPath } from './paths';

/** Flags that let Chromium run without a display, as root and in a container, and keep it off the network. */
export const chromiumFlags = [
  '--no-sandbox',
  '--disable-gpu',
  '--disable-quic',
  '--disable-dev-shm-usage',
  '--no-first-run',
  '--disable-background-networking',
  '--disable-component-update',
  '--disable-sync',
];

/** @throws Error that says what to install when there is no Chromium or Chrome. */
export function findChromium(): string {
  const found =
    onPath('chromium', 'chromium-browser', 'google-chrome', 'google-chrome-stable', 'chrome') ??
    firstExecutable(...usualPlaces());
  if (found !== undefined) return found;
  throw new Error(
    'The end-to-end tests need Chromium or Chrome, and neither was found. ' +
      (process.platform === 'linux'
        ? 'On Debian run: sudo apt-get install -y chromium'
        : 'Install it from https://www.google.com/chrome'),
  );
}

function usualPlaces(): string[] {
  if (process.platform === 'darwin')
    return [
      '/Applications/Chromium.app/Contents/MacOS/Chromium',
      '/Applications/Google Chrome.app/Contents/MacOS/Google Chrome',
    ];
  if (process.platform === 'win32')
    return [process.env['ProgramFiles'], process.env['ProgramFiles(x86)'], process.env['LOCALAPPDATA']]
      .filter((folder) => folder !== undefined)
      .map((folder) => join(folder, 'Google', 'Chrome', 'Application', 'chrome.exe'));
  return [];
}
