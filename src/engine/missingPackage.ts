/**
 * Why a native package is not there, for a sentence: Node's own message names folders of the installation, which say nothing to
 * a user.
 */
export function whyNotLoaded(name: string, error: unknown): string {
  const isMissing = error instanceof Error && /^Cannot find (package|module)/.test(error.message);
  const platform = `${process.platform} ${process.arch}`;
  return isMissing
    ? `on ${platform} the package ${name} or a part of it is not installed`
    : `on ${platform} the package ${name} does not load`;
}

/** What to do about it, as a sentence. */
export const INSTALL_AGAIN =
  'Install the package of Roundoff that is made for this platform again, or run npm ci where it was built from source.';
