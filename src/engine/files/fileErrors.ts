import { RoundoffError } from '../../core/errors';

const reasons: Readonly<Record<string, string>> = {
  ENOSPC: 'the disk is full. Free some space or choose another folder',
  EDQUOT: 'your disk quota is used up. Free some space or choose another folder',
  EACCES: 'you have no permission. Choose another folder',
  EPERM: 'the system does not permit it. Choose another folder',
  EROFS: 'the file system is read-only. Choose another folder',
  ENOENT: 'it does not exist',
  ENOTDIR: 'a part of its path is not a folder',
  EISDIR: 'it is a folder',
  EEXIST: 'a file of that name is in its place. Choose another name',
  EFBIG: 'the file system does not take files of this size',
  EMFILE: 'too many files are open',
  ENAMETOOLONG: 'the name is too long',
};

/** Of reading, where another folder would not help. */
const readReasons: Readonly<Record<string, string>> = {
  EACCES: 'you have no permission. Give yourself the right to read it',
  EPERM: 'the system does not permit it',
};

/** A system error as one clear sentence; anything else unchanged. */
export function fileError(action: 'read' | 'write', path: string, error: unknown): unknown {
  if (!(error instanceof Error) || !('code' in error) || error instanceof RoundoffError) return error;
  const isFolderMissing = action === 'write' && error.code === 'ENOENT';
  const reason = isFolderMissing
    ? 'its folder does not exist. Make the folder or choose another'
    : ((action === 'read' ? readReasons[error.code as string] : undefined) ??
      reasons[String(error.code)] ??
      error.message);
  return new RoundoffError(`Cannot ${action} ${path}: ${reason}.`, { cause: error });
}
