import { homedir } from 'node:os';
import { join } from 'node:path';
import { firstExecutable, onPath } from './paths';

/**
 * The command line of a desktop VS Code on this machine, or undefined when there is none or no display to show it on.
 */
export function findDesktop(): string | undefined {
  if (process.platform === 'linux' && !process.env['DISPLAY'] && !process.env['WAYLAND_DISPLAY'])
    return undefined;
  return onPath('code', 'code-insiders', 'codium') ?? firstExecutable(...usualPlaces());
}

function usualPlaces(): string[] {
  switch (process.platform) {
    case 'darwin':
      return ['/Applications', join(homedir(), 'Applications')].flatMap((folder) =>
        ['Visual Studio Code', 'Visual Studio Code - Insiders'].map((app) =>
          join(folder, `${app}.app/Contents/Resources/app/bin/code`),
        ),
      );
    case 'win32':
      return [
        join(process.env['LOCALAPPDATA'] ?? '', 'Programs'),
        process.env['ProgramFiles'] ?? 'C:\\Program Files',
      ].map((folder) => join(folder, 'Microsoft VS Code', 'bin', 'code.cmd'));
    default:
      return ['/usr/share/code/bin/code', '/snap/bin/code', '/opt/visual-studio-code/bin/code'];
  }
}
