/** A problem that the user can act on. `message` is one clear sentence or two: what, where, what next. */
export class RoundoffError extends Error {
  override readonly name: string = 'RoundoffError';
}

/** A file that cannot be read as ONNX, with the position of the problem where there is one. */
export class OnnxFileError extends RoundoffError {
  override readonly name = 'OnnxFileError';
  constructor(
    message: string,
    readonly details: { readonly file?: string; readonly offset?: number; readonly fieldPath?: string } = {},
  ) {
    super(message);
  }
}

/** Data, plan or options that do not fit the model. */
export class InputError extends RoundoffError {
  override readonly name = 'InputError';
}

/** Work that the user cancelled. Never shown as a failure. */
export class CancelledError extends RoundoffError {
  override readonly name = 'CancelledError';
  constructor() {
    super('Cancelled.');
  }
}

/** @throws CancelledError when the signal is aborted. */
export function throwIfCancelled(signal: { readonly aborted: boolean } | undefined): void {
  if (signal?.aborted) throw new CancelledError();
}
