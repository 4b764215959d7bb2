/** Talks to the windows of a running code-server the way its own `code-server FILE` command does. */
import { request } from 'node:http';

/**
 * The socket of the window that shows the folder of `file`, once its extension host is up and its extensions are
 * registered; undefined before.
 */
export async function windowSocket(sessionSocket: string, file: string): Promise<string | undefined> {
  try {
    const reply = await exchange(sessionSocket, 'GET', `/session?filePath=${encodeURIComponent(file)}`);
    return (JSON.parse(reply) as { socketPath?: string }).socketPath;
  } catch {
    return undefined;
  }
}

/** Waits for the window that shows the folder of `file`. Resolves to undefined when `giveUp` says so first. */
export async function waitForWindow(
  sessionSocket: string,
  file: string,
  giveUp: () => boolean,
): Promise<string | undefined> {
  while (!giveUp()) {
    const socket = await windowSocket(sessionSocket, file);
    if (socket !== undefined) return socket;
    await new Promise((resolve) => setTimeout(resolve, 150));
  }
  return undefined;
}

/** Opens a file in a window's active editor group. */
export async function openInWindow(socket: string, file: string): Promise<void> {
  await exchange(
    socket,
    'POST',
    '/',
    JSON.stringify({ type: 'open', folderURIs: [], fileURIs: [file], forceReuseWindow: true }),
  );
}

function exchange(socketPath: string, method: string, path: string, body?: string): Promise<string> {
  return new Promise((resolve, reject) => {
    const headers = { 'content-type': 'application/json', accept: 'application/json' };
    const outgoing = request({ socketPath, method, path, headers }, (reply) => {
      const chunks: Buffer[] = [];
      reply.on('data', (chunk: Buffer) => chunks.push(chunk));
      reply.on('end', () => {
        const text = Buffer.concat(chunks).toString('utf8');
        if (reply.statusCode === 200) resolve(text);
        else reject(new Error(`${method} ${path} was answered with status ${reply.statusCode}: ${text}`));
      });
    });
    outgoing.on('error', reject);
    outgoing.end(body);
  });
}
