import { OnnxFileError } from '../errors';
import type { ByteSource, ExternalDataResolver } from '../ports';
import { rawByteLength } from './dtype';
import { MAX_LOCATION_BYTES } from './limits';
import { readInto, type Payload } from './payload';
import type { StringStringEntry } from './types';

interface ExternalTensor {
  readonly name: string;
  readonly dims: readonly number[];
  readonly dataType: number;
  readonly externalData: readonly StringStringEntry[];
}

/** The bytes of a tensor in another file. The file is found and checked at each read; who opens it may keep it open. */
export class ExternalPayload implements Payload {
  /** @param problem what is wrong with the entries; reading fails with it, so that the graph can still be seen. */
  constructor(
    readonly location: string,
    readonly offset: number,
    readonly byteLength: number,
    private readonly open: () => Promise<ByteSource>,
    readonly problem?: string,
  ) {}

  async read(offset = 0, length = this.byteLength - offset): Promise<Uint8Array> {
    const source = await this.opened();
    return source.read(this.offset + offset, length);
  }

  /** Reads all of it into `target`, which has its length. */
  async readInto(target: Uint8Array): Promise<void> {
    await readInto(await this.opened(), this.offset, target);
  }

  private async opened(): Promise<ByteSource> {
    if (this.problem) throw new OnnxFileError(this.problem);
    const source = await this.open();
    if (this.offset + this.byteLength > source.size) {
      throw new OnnxFileError(
        `${source.name} has ${source.size} bytes, but the model reads ${this.byteLength} at byte ${this.offset} of it. The data file does not belong to this model, or it is truncated.`,
        { file: source.name, offset: this.offset },
      );
    }
    return source;
  }
}

/** Makes the payload of an external tensor from its entries; without `length` the size follows from the shape. */
export function externalPayload(
  tensor: ExternalTensor,
  modelName: string,
  resolve: ExternalDataResolver | undefined,
): ExternalPayload {
  const entries = new Map(tensor.externalData.map(({ key, value }) => [key, value]));
  const location = entries.get('location') ?? '';
  const who = `${modelName}: the external data of tensor "${tensor.name}"`;
  const count = tensor.dims.reduce((product, dim) => product * dim, 1);
  const expected = rawByteLength(tensor.dataType, count);
  const offset = parseSize(entries.get('offset') ?? '0');
  const declared = entries.get('length');
  const length = declared === undefined ? expected : parseSize(declared);

  let problem: string | undefined;
  if (!location) problem = `${who} names no file.`;
  else if (location.length > MAX_LOCATION_BYTES)
    problem = `${who} has a path longer than ${MAX_LOCATION_BYTES} bytes.`;
  else if (offset === undefined)
    problem = `${who} has offset "${entries.get('offset')}", which is not a position.`;
  else if (length === undefined) problem = `${who} has no usable length ("${declared ?? ''}").`;
  else if (!resolve) problem = `${who} is in the file "${location}", which was not opened.`;

  return new ExternalPayload(
    location,
    offset ?? 0,
    length ?? expected ?? 0,
    async () => {
      if (!resolve) throw new OnnxFileError(problem ?? who);
      return resolve(location);
    },
    problem,
  );
}

/** A decimal size as the specification stores it, in text. */
function parseSize(text: string): number | undefined {
  if (!/^\d{1,16}$/.test(text)) return undefined;
  const size = Number(text);
  return Number.isSafeInteger(size) ? size : undefined;
}
