import { describe, expect, it } from 'vitest';
import { OnnxFileError, RoundoffError } from '../../../src/core/errors';
import { GRAPH_LIMITS, type GraphLimits } from '../../../src/core/onnx/limits';
import { MemorySink, MemorySource } from '../../../src/core/onnx/memory';
import { readModel } from '../../../src/core/onnx/read';
import { readFloat32, readInt64 } from '../../../src/core/onnx/tensor';
import { DataType, type Tensor } from '../../../src/core/onnx/types';
import { writeModel } from '../../../src/core/onnx/write';
import type { ByteSource } from '../../../src/core/ports';
import {
  bytesField,
  concat,
  ids,
  modelBytes,
  nodeBytes,
  tensorBytes,
  varint,
  varintField,
} from '../../support/wire';

async function failure(
  source: ByteSource | Uint8Array | string,
  limits?: GraphLimits,
): Promise<OnnxFileError> {
  const bytes = typeof source === 'string' ? new TextEncoder().encode(source) : source;
  const input = bytes instanceof Uint8Array ? new MemorySource(bytes, 'm.onnx') : bytes;
  try {
    await readModel(input, { limits });
  } catch (error) {
    if (error instanceof OnnxFileError) return error;
    throw error;
  }
  throw new Error('the file was read');
}

const sentence = async (...given: Parameters<typeof failure>) => (await failure(...given)).message;

/** A file of a given size that repeats a pattern after a head, and remembers how much was read. */
class EndlessSource implements ByteSource {
  readonly name = 'huge.onnx';
  bytesRead = 0;
  constructor(
    private readonly head: Uint8Array,
    private readonly pattern: Uint8Array,
    readonly size: number,
  ) {}

  async read(offset: number, length: number): Promise<Uint8Array> {
    this.bytesRead += length;
    const bytes = new Uint8Array(length);
    for (let index = 0; index < length; index++) {
      const at = offset + index;
      const { head, pattern } = this;
      bytes[index] =
        (at < head.byteLength ? head[at] : pattern[(at - head.byteLength) % pattern.byteLength]) ?? 0;
    }
    return bytes;
  }
}

describe('files that are something else', () => {
  it('names what they are', async () => {
    expect(await sentence(new Uint8Array(0))).toBe(
      'm.onnx is empty (0 bytes): export or download the model again.',
    );
    expect(await sentence('version https://git-lfs.github.com/spec/v1\noid sha256:4d7a\nsize 12345\n')).toBe(
      'm.onnx is a Git LFS pointer, not the model itself: run "git lfs pull" to fetch the model.',
    );
    expect(await sentence(concat([24, 0, 0, 0], 'ORTM', new Uint8Array(60)))).toContain(
      'ONNX Runtime format (.ort)',
    );
    expect(await sentence('<!DOCTYPE html>\n<html>not found</html>')).toBe(
      'm.onnx is a text file (it begins "<!DOCTYPE html>\\n<html>no"), not an ONNX model.',
    );
    expect(await sentence(concat([80, 75, 3, 4], new Uint8Array(30)))).toContain('ZIP archive');
  });

  it('says that there is no graph', async () => {
    expect(await sentence(varintField(1, 10))).toBe(
      'm.onnx has no graph, so it is not an ONNX model that can be shown.',
    );
  });
});

describe('damaged files', () => {
  it('are truncated at any byte, with a clear error or a shorter model, never a crash', async () => {
    const weights = tensorBytes({
      dims: [500],
      dataType: 1,
      more: [bytesField(ids.tensor.rawData, new Uint8Array(2000))],
    });
    const whole = modelBytes(nodeBytes('n'), bytesField(ids.graph.initializer, weights));
    for (let length = 1; length < whole.byteLength; length++) {
      const cut = whole.subarray(0, length);
      const result = await readModel(new MemorySource(cut)).catch((error: unknown) => error);
      // The graph is complete only when the cut is in the opset import, the last field.
      if (length < whole.byteLength - 4) expect(result, `cut at ${length}`).toBeInstanceOf(OnnxFileError);
    }
    const error = await failure(whole.subarray(0, 1000));
    expect(error.message).toMatch(
      /m\.onnx: the file \(at byte 2\) is truncated: graph declares \d+ bytes, but the file ends after 995/,
    );
  });

  it('are refused with byte offset and field path', async () => {
    const inner = concat(bytesField(ids.attribute.name, 'k'), [ids.attribute.t * 8 + 2, 100, 1, 2]);
    const file = modelBytes(nodeBytes('a'), nodeBytes('b', bytesField(ids.node.attribute, inner)));
    const error = await failure(file);
    expect(error.details.fieldPath).toBe('graph.node[1].attribute[0]');
    expect(error.details.offset).toBe(file.indexOf(Buffer.from([ids.attribute.t * 8 + 2, 100, 1, 2])));
    expect(error.message).toMatch(
      /graph\.node\[1\]\.attribute\[0\] \(at byte \d+\) is damaged: t declares 100 bytes, but only 2 are left/,
    );
  });

  it.each([
    ['a varint of 11 bytes', concat([8], Array<number>(10).fill(0x80), [0]), 'longer than 10 bytes'],
    ['a tag of 6 bytes', concat(Array<number>(5).fill(0x80), [1]), 'longer than 5 bytes'],
    ['field number 0', concat([0, 0]), '0 is not a field number'],
    ['a group', concat([0x0b, 0x0c]), 'protobuf group'],
    ['an end of group', concat([0x0c]), 'protobuf group'],
    ['wire type 6', concat([0x0e]), 'wire type 6'],
    ['a length of 2^63', concat([0x3a], varint(2n ** 63n)), 'truncated'],
    ['two graphs', concat(modelBytes(), modelBytes()), 'written twice'],
  ])('refuses %s', async (_, bytes, expected) => {
    expect(await sentence(bytes)).toContain(expected);
  });

  it('refuses a dimension that no number can hold', async () => {
    const tensor = tensorBytes({ dataType: 1, more: [varintField(ids.tensor.dims, 2n ** 62n)] });
    expect(await sentence(modelBytes(bytesField(ids.graph.initializer, tensor)))).toContain(
      'dims is 4611686018427387904',
    );
  });
});

describe('files that ask for too much', () => {
  it('are refused at a nesting that protobuf readers do not take', async () => {
    // Raw bytes from the inside out: graph in attribute in node in graph.
    const nest = (levels: number): Buffer => {
      let graph: Buffer = Buffer.alloc(0);
      for (let level = 0; level < levels; level++) {
        graph = bytesField(
          ids.graph.node,
          bytesField(ids.node.attribute, bytesField(ids.attribute.g, graph)),
        );
      }
      return modelBytes(graph);
    };
    const deepest = Math.floor((GRAPH_LIMITS.depth - 2) / 3);
    await expect(readModel(new MemorySource(nest(deepest)))).resolves.toBeDefined();
    expect(await sentence(nest(deepest + 1))).toContain('nested 101 messages deep');
    expect(await sentence(nest(1000))).toContain('nested 101 messages deep');
  });

  it('are refused after reading little when they are 2 GiB of small things', async () => {
    const size = 2 ** 31 - 1;
    const limits = { ...GRAPH_LIMITS, messages: 50_000, listElements: 200_000 };
    const graph = concat([0x3a], varint(size - 6));
    const empties = new EndlessSource(graph, Uint8Array.of(0x0a, 0x00), size);
    expect(await sentence(empties, limits)).toContain('is one part too many');
    expect(empties.bytesRead).toBeLessThan(2 * 1024 * 1024);
    const fewNodes = { ...GRAPH_LIMITS, nodes: 1000 };
    expect(await sentence(empties, fewNodes)).toContain('graph.node[1000]');
    expect(await sentence(empties, fewNodes)).toContain('is one node too many: a model may have 1000');
    const node = concat(graph, [0x0a], varint(size - 12));
    const inputs = new EndlessSource(node, Uint8Array.of(0x0a, 0x00), size);
    expect(await sentence(inputs, limits)).toContain('past 200000 elements');
    expect(inputs.bytesRead).toBeLessThan(2 * 1024 * 1024);
  });

  it('are refused before reading when a name is larger than any graph', async () => {
    const size = 2 ** 31 - 1;
    const name = new EndlessSource(concat([0x12], varint(size - 6)), Uint8Array.of(0x41), size);
    expect(await sentence(name)).toBe(
      'huge.onnx: producer_name (at byte 0) makes the graph larger than 536870912 bytes without its weights.',
    );
    expect(name.bytesRead).toBeLessThan(1024 * 1024);
  });

  it('skips an unknown field of 2 GiB without reading it', async () => {
    const head = concat(modelBytes(nodeBytes('n')), [0xba, 0x3e]);
    const size = 2 ** 31 - 1;
    const length = varint(size - head.byteLength - 5);
    const source = new EndlessSource(concat(head, length), Uint8Array.of(0), size);
    const model = await readModel(source);
    expect(model.graph?.node).toHaveLength(1);
    expect(source.bytesRead).toBeLessThan(1024 * 1024);
  });
});

describe('tensors that do not fit their shape', () => {
  async function tensorOf(bytes: Buffer): Promise<Tensor> {
    const model = await readModel(new MemorySource(modelBytes(bytesField(ids.graph.initializer, bytes))));
    const [tensor] = model.graph?.initializer ?? [];
    if (!tensor) throw new Error('no tensor');
    return tensor;
  }
  const raw = (length: number) => bytesField(ids.tensor.rawData, new Uint8Array(length));

  it.each([
    [
      'too few bytes',
      { dims: [3, 5], dataType: DataType.FLOAT, more: [raw(56)] },
      'has 56 bytes of data, but its shape [3, 5] needs 60',
    ],
    [
      'too many bytes',
      { dims: [3], dataType: DataType.INT4, more: [raw(3)] },
      'has 3 bytes of data, but its shape [3] needs 2',
    ],
    ['no bytes', { dims: [3], dataType: DataType.FLOAT, more: [] }, 'has the shape [3] but no data'],
    [
      'a huge shape',
      { dims: [2 ** 31, 2 ** 31], dataType: DataType.FLOAT, more: [raw(4)] },
      'has more elements than can be counted',
    ],
    [
      'a large shape',
      { dims: [2 ** 31], dataType: DataType.FLOAT, more: [raw(4)] },
      'at most 1073741824 at once',
    ],
    [
      'packed data for a large shape',
      {
        dims: [2 ** 30],
        dataType: DataType.FLOAT,
        more: [bytesField(ids.tensor.floatData, new Uint8Array(8))],
      },
      'too few for its shape',
    ],
    ['a negative dimension', { dims: [-1], dataType: DataType.FLOAT, more: [raw(4)] }, 'negative dimension'],
    ['an unknown type', { dims: [1], dataType: 99, more: [raw(4)] }, 'has the unknown type 99'],
    [
      'a cut varint',
      { dims: [1], dataType: DataType.INT64, more: [bytesField(ids.tensor.int64Data, [0x80])] },
      'a number is cut off',
    ],
    [
      'too many varints',
      { dims: [1], dataType: DataType.INT64, more: [bytesField(ids.tensor.int64Data, [1, 2])] },
      'has 2 values, but its shape [1] needs 1',
    ],
  ])('refuses %s', async (_, spec, expected) => {
    const tensor = await tensorOf(tensorBytes(spec));
    await expect(readFloat32(tensor)).rejects.toThrow(expected);
    await expect(readFloat32(tensor)).rejects.toThrow('Tensor "w"');
  });

  it('refuses to read floats as integers', async () => {
    const tensor = await tensorOf(tensorBytes({ dims: [1], dataType: DataType.FLOAT, more: [raw(4)] }));
    await expect(readInt64(tensor)).rejects.toThrow('is float, not integers');
  });
});

it('writes nothing when cancelled', async () => {
  const model = await readModel(new MemorySource(modelBytes(nodeBytes('n'))));
  const sink = new MemorySink();
  const cancelled = writeModel(model, sink, { signal: { aborted: true } });
  await expect(cancelled).rejects.toThrow(RoundoffError);
  expect(sink.bytes()).toHaveLength(0);
});
