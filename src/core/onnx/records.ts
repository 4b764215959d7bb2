import { OnnxFileError } from '../errors';
import { ByteWindow } from './byteWindow';
import type { Origin } from './origin';
import { HEADER_BYTES, type RecordHeader, readHeader } from './wire';

/** A field record of a message in a file. */
export interface FieldRecord extends RecordHeader {
  /** Source position of the tag. */
  readonly start: number;
}

/**
 * The records of one message, not of its sub-messages, in file order.
 * @throws OnnxFileError when the file changed since it was read
 */
export async function readRecords({ source, offset, length }: Origin): Promise<FieldRecord[]> {
  const window = new ByteWindow(source);
  const end = offset + length;
  const records: FieldRecord[] = [];
  for (let position = offset; position < end;) {
    const headerBytes = Math.min(HEADER_BYTES, end - position);
    if (!window.has(position, headerBytes)) await window.load(position, headerBytes);
    const header = readHeader(window.bytes, position - window.start, window.start, end);
    if (typeof header === 'string' || header.end > end) {
      throw new OnnxFileError(
        `${source.name} is not what it was when it was opened (byte ${position}): open it again.`,
        { file: source.name, offset: position },
      );
    }
    records.push({ ...header, start: position });
    position = header.end;
  }
  return records;
}
