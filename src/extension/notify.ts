import * as vscode from 'vscode';
import { CancelledError } from '../core/errors';
import { errorReplyOf } from '../engine/engineErrors';

/**
 * Tells the user about a failure, with the log one click away. Cancelling is no failure.
 * @param retry offered when the engine crashed, since that may not happen again.
 */
export async function showFailure(error: unknown, retry?: () => Promise<void>): Promise<void> {
  if (error instanceof vscode.CancellationError || error instanceof CancelledError) return;
  const { kind, message } = errorReplyOf(error);
  const actions = kind === 'crash' && retry ? ['Retry', 'Show Log'] : ['Show Log'];
  const choice = await vscode.window.showErrorMessage(message, ...actions);
  if (choice === 'Retry') await retry?.();
  if (choice === 'Show Log') await vscode.commands.executeCommand('roundoff.showLog');
}

/**
 * Runs work under a cancellable notification and reports its failure.
 * @returns undefined when it failed or was cancelled.
 */
export async function withProgress<T>(
  title: string,
  work: (
    signal: AbortSignal,
    report: (progress: { done: number; total: number; message: string }) => void,
  ) => Promise<T>,
  retry?: () => Promise<void>,
): Promise<T | undefined> {
  try {
    const options = { location: vscode.ProgressLocation.Notification, title, cancellable: true };
    return await vscode.window.withProgress(options, async (notification, token) => {
      const abort = new AbortController();
      token.onCancellationRequested(() => abort.abort());
      let shown = 0;
      return work(abort.signal, ({ done, total, message }) => {
        const percent = total > 0 ? (100 * done) / total : 0;
        notification.report({ message, increment: Math.max(0, percent - shown) });
        shown = Math.max(shown, percent);
      });
    });
  } catch (error) {
    // Not awaited: the notification may stay for hours, and the caller is done.
    void showFailure(error, retry);
    return undefined;
  }
}
