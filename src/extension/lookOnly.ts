/**
 * Why a model must not be run (scan, quantize, compare), in one sentence; null when it may. Looking is always allowed.
 * @param scheme of the model's URI; undefined when there is no model yet.
 */
export function reasonNotToRun(trusted: boolean, scheme: string | undefined): string | null {
  if (!trusted) {
    return 'This workspace is in Restricted Mode: models can be looked at, but not run. Trust the workspace to scan, quantize or compare.';
  }
  if (scheme !== undefined && scheme !== 'file') {
    return `Models on a ${scheme} file system can be looked at, but not run. Copy the model to a local folder to scan, quantize or compare.`;
  }
  return null;
}
