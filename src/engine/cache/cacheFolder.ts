import { homedir } from 'node:os';
import { join } from 'node:path';

/** Where this user's programs keep what can be computed again, and our folder in it. */
export function defaultCacheFolder(
  environment: Readonly<Record<string, string | undefined>> = process.env,
  platform: NodeJS.Platform = process.platform,
): string {
  const home = homedir();
  switch (platform) {
    case 'win32':
      return join(environment['LOCALAPPDATA'] ?? join(home, 'AppData', 'Local'), 'roundoff', 'Cache');
    case 'darwin':
      return join(home, 'Library', 'Caches', 'roundoff');
    default: {
      const given = environment['XDG_CACHE_HOME'] ?? '';
      // Relative paths are to be ignored, the XDG specification says.
      return join(given.startsWith('/') ? given : join(home, '.cache'), 'roundoff');
    }
  }
}
