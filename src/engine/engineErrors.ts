import { CancelledError, InputError, OnnxFileError, RoundoffError } from '../core/errors';
import type { ErrorKind, ErrorReply } from '../shared/rpc';

/** The runtime refused or failed to run a model. */
export class RuntimeFailure extends RoundoffError {
  override readonly name = 'RuntimeFailure';
}

/** The engine process stopped while a call was under way. The next call starts a new one. */
export class EngineCrashError extends RoundoffError {
  override readonly name = 'EngineCrashError';
}

/** A defect of Roundoff: an error that no module meant to throw. The log has its stack. */
export class InternalError extends RoundoffError {
  override readonly name = 'InternalError';
}

/** Which of the protocol's kinds an error is. */
export function errorKindOf(error: unknown): ErrorKind {
  if (error instanceof CancelledError) return 'cancelled';
  if (error instanceof OnnxFileError) return 'file';
  if (error instanceof RuntimeFailure) return 'runtime';
  if (error instanceof EngineCrashError) return 'crash';
  if (error instanceof InternalError) return 'internal';
  if (error instanceof RoundoffError) return 'input';
  return isSystemError(error) ? 'file' : 'internal';
}

export function errorReplyOf(error: unknown): ErrorReply {
  const kind = errorKindOf(error);
  const message = error instanceof Error ? error.message : String(error);
  if (isSystemError(error)) return { kind, message: systemErrorSentence(error) };
  if (kind === 'internal' && !(error instanceof InternalError)) {
    return { kind, message: `Roundoff failed in a way it should not have: ${message} (see the log).` };
  }
  return { kind, message };
}

/** The error that the caller of the client sees for a reply; `errorKindOf` gives the reply's kind again. */
export function errorOfReply({ kind, message }: ErrorReply): RoundoffError {
  switch (kind) {
    case 'cancelled':
      return new CancelledError();
    case 'file':
      return new OnnxFileError(message);
    case 'runtime':
      return new RuntimeFailure(message);
    case 'crash':
      return new EngineCrashError(message);
    case 'internal':
      return new InternalError(message);
    case 'input':
      return new InputError(message);
  }
}

interface SystemError extends Error {
  readonly code: string;
  readonly path?: string;
}

function isSystemError(error: unknown): error is SystemError {
  return error instanceof Error && 'syscall' in error && 'code' in error && typeof error.code === 'string';
}

const sentences: Readonly<Record<string, string>> = {
  ENOENT: 'does not exist',
  EACCES: 'cannot be accessed: permission denied',
  EPERM: 'cannot be accessed: operation not permitted',
  EROFS: 'cannot be written: the file system is read-only',
  ENOSPC: 'cannot be written: no space left on the device',
  EISDIR: 'is a folder, not a file',
  ENOTDIR: 'is not in a folder',
};

function systemErrorSentence(error: SystemError): string {
  const sentence = sentences[error.code];
  if (!sentence) return error.message;
  return `${error.path ?? 'A file'} ${sentence}.`;
}
