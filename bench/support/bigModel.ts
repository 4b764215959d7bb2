/** Models of any size with one graph: a chain of blocks like a language model's, for `bench/open.ts`. */
import { type FileHandle, open } from 'node:fs/promises';
import { makeGraph, makeModel, makeNode, makeTensor, makeValueInfo } from '../../src/core/onnx/build';
import type { Payload } from '../../src/core/onnx/payload';
import { DataType, type Model, type Node, type Tensor } from '../../src/core/onnx/types';
import type { ByteSink } from '../../src/core/ports';

const zeros = new Uint8Array(4 * 1024 * 1024);

/** Zeros that exist only while they are written. */
class ZeroPayload implements Payload {
  constructor(readonly byteLength: number) {}

  async read(offset = 0, length = this.byteLength - offset): Promise<Uint8Array> {
    return length <= zeros.byteLength ? zeros.subarray(0, length) : new Uint8Array(length);
  }
}

/** Blocks of four MatMul with bias and Relu; `width` sets the size of the weights and nothing else. */
export function bigModel(blocks: number, width: number): Model {
  const node: Node[] = [];
  const initializer: Tensor[] = [];
  let value = 'input';
  for (let block = 0; block < blocks; block++) {
    for (const part of ['q_proj', 'k_proj', 'v_proj', 'o_proj']) {
      const name = `/model/layers.${block}/self_attn/${part}`;
      const weight = `model.layers.${block}.self_attn.${part}.weight`;
      initializer.push(
        makeTensor(weight, DataType.FLOAT, [width, width], new ZeroPayload(4 * width * width)),
      );
      initializer.push(makeTensor(`${weight}.bias`, DataType.FLOAT, [1], new Uint8Array(4)));
      node.push(
        makeNode({
          opType: 'MatMul',
          name: `${name}/MatMul`,
          input: [value, weight],
          output: [`${name}/product`],
        }),
        makeNode({
          opType: 'Add',
          name: `${name}/Add`,
          input: [`${name}/product`, `${weight}.bias`],
          output: [`${name}/sum`],
        }),
        makeNode({
          opType: 'Relu',
          name: `${name}/Relu`,
          input: [`${name}/sum`],
          output: [`${name}/output`],
        }),
      );
      value = `${name}/output`;
    }
  }
  return makeModel(
    makeGraph({
      node,
      initializer,
      input: [makeValueInfo('input', DataType.FLOAT, ['batch', width])],
      output: [makeValueInfo(value, DataType.FLOAT, ['batch', width])],
    }),
  );
}

/** A file in which runs of zeros are holes, so that gigabytes take neither disk nor time. */
export class SparseFile implements ByteSink {
  private size = 0;
  private constructor(private readonly handle: FileHandle) {}

  static async create(path: string): Promise<SparseFile> {
    return new SparseFile(await open(path, 'w'));
  }

  async write(bytes: Uint8Array): Promise<void> {
    if (bytes.buffer !== zeros.buffer) {
      for (let done = 0; done < bytes.byteLength;) {
        const part = await this.handle.write(bytes, done, bytes.byteLength - done, this.size + done);
        done += part.bytesWritten;
      }
    }
    this.size += bytes.byteLength;
  }

  async close(): Promise<void> {
    await this.handle.truncate(this.size);
    await this.handle.close();
  }
}
