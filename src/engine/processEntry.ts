import type { EngineHandlers, FromEngine, ToEngine } from './messages';
import { serve } from './serve';
import { onTemporaryFiles, removeTemporaryFiles } from './temporaryFiles';

/** Makes this process an engine: answers the calls of the `EngineClient` that forked it, ends when the client is gone. */
export function serveParentProcess(handlers: EngineHandlers): void {
  const send = (message: FromEngine): void => {
    // The parent may be gone already; 'disconnect' ends this process then.
    if (process.connected) process.send?.(message, undefined, {}, () => undefined);
  };
  onTemporaryFiles((temporaryFiles) => send({ temporaryFiles }));

  // Ctrl+C in a terminal reaches the whole process group: the parent decides what to cancel.
  process.on('SIGINT', () => undefined);
  process.on('disconnect', () => {
    removeTemporaryFiles();
    process.exit(0);
  });

  const receive = serve(handlers, send, (text) => process.stderr.write(text));
  process.on('message', (message) => receive(message as ToEngine));
}
