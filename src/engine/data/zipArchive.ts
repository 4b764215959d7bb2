/** Members of a zip archive, found through its directory so that they can be read apart. */
import type { FileSource } from '../files/fileSource';

export interface ZipMember {
  readonly name: string;
  readonly isDeflated: boolean;
  /** Where its bytes stand in the file. */
  readonly offset: number;
  /** Of these. */
  readonly storedSize: number;
  readonly size: number;
}

const END = { signature: 0x06054b50, size: 22, longestComment: 0xffff };
const LOCATOR = { signature: 0x07064b50, size: 20 };
const END64 = { signature: 0x06064b50, size: 56 };
const ENTRY = { signature: 0x02014b50, size: 46 };
const LOCAL = { signature: 0x04034b50, size: 30 };
const ZIP64_FIELD = 1;
/** Stands where a number has its place in the zip64 field. */
const ELSEWHERE = 0xffffffff;
const [STORED, DEFLATED] = [0, 8];

/** @throws Error that says what is wrong with the archive; RoundoffError when the file cannot be read. */
export async function zipMembers(source: FileSource): Promise<ZipMember[]> {
  const directory = await readDirectory(source);
  const members: ZipMember[] = [];
  for (let at = 0; at < directory.byteLength;) {
    if (at + ENTRY.size > directory.byteLength || directory.getUint32(at, true) !== ENTRY.signature) {
      throw new Error('its directory is broken');
    }
    const [nameLength, extraLength, commentLength] = [28, 30, 32].map((each) =>
      directory.getUint16(at + each, true),
    ) as [number, number, number];
    const end = at + ENTRY.size + nameLength + extraLength + commentLength;
    if (end > directory.byteLength) throw new Error('its directory is cut short');
    const name = text(directory, at + ENTRY.size, nameLength);
    members.push(await memberOf(source, directory, at, name, [nameLength, extraLength]));
    at = end;
  }
  return members;
}

async function memberOf(
  source: FileSource,
  directory: DataView,
  at: number,
  name: string,
  [nameLength, extraLength]: readonly [number, number],
): Promise<ZipMember> {
  const [flags, method] = [directory.getUint16(at + 8, true), directory.getUint16(at + 10, true)];
  if (flags & 1) throw new Error(`${name} is encrypted`);
  if (method !== STORED && method !== DEFLATED) throw new Error(`${name} is packed by method ${method}`);
  const long = zip64Numbers(directory, at + ENTRY.size + nameLength, extraLength);
  const number = (offset: number): number => {
    const short = directory.getUint32(at + offset, true);
    return short === ELSEWHERE ? (long.shift() ?? short) : short;
  };
  // In the order in which the zip64 field has them.
  const [size, storedSize, start] = [number(24), number(20), number(42)];
  // The name and fields that stand before the bytes may differ from those in the directory.
  const local = viewOf(await source.read(start, LOCAL.size));
  if (local.getUint32(0, true) !== LOCAL.signature) throw new Error(`${name} is not where it should be`);
  const offset = start + LOCAL.size + local.getUint16(26, true) + local.getUint16(28, true);
  return { name, isDeflated: method === DEFLATED, offset, storedSize, size };
}

async function readDirectory(source: FileSource): Promise<DataView> {
  const length = Math.min(source.size, END.size + END.longestComment);
  const tailStart = source.size - length;
  const tail = viewOf(await source.read(tailStart, length));
  let end = length - END.size;
  while (end >= 0 && tail.getUint32(end, true) !== END.signature) end--;
  if (end < 0) throw new Error('it has no directory at its end');
  let [size, offset] = [tail.getUint32(end + 12, true), tail.getUint32(end + 16, true)];
  const locator = end - LOCATOR.size;
  if (locator >= 0 && tail.getUint32(locator, true) === LOCATOR.signature) {
    const end64 = viewOf(await source.read(Number(tail.getBigUint64(locator + 8, true)), END64.size));
    if (end64.getUint32(0, true) !== END64.signature) throw new Error('its directory is broken');
    size = Number(end64.getBigUint64(40, true));
    offset = Number(end64.getBigUint64(48, true));
  }
  return viewOf(await source.read(offset, size));
}

/** The numbers of the zip64 field among the extra fields of an entry. */
function zip64Numbers(view: DataView, start: number, length: number): number[] {
  for (let at = start; at + 4 <= start + length;) {
    const [id, size] = [view.getUint16(at, true), view.getUint16(at + 2, true)];
    const end = Math.min(at + 4 + size, start + length);
    if (id === ZIP64_FIELD) {
      const numbers: number[] = [];
      for (let each = at + 4; each + 8 <= end; each += 8) numbers.push(Number(view.getBigUint64(each, true)));
      return numbers;
    }
    at = end;
  }
  return [];
}

function viewOf(bytes: Uint8Array): DataView {
  return new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}

function text(view: DataView, offset: number, length: number): string {
  return new TextDecoder().decode(new Uint8Array(view.buffer, view.byteOffset + offset, length));
}
