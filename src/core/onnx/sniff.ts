import type { ByteSource } from '../ports';

const SNIFFED_BYTES = 512;

/** Formats that are found under the name .onnx or mistaken for it, by their first bytes. */
const signatures: readonly { at: number; text: string; sentence: string }[] = [
  {
    at: 0,
    text: 'version https://git-lfs.github.com/spec/',
    sentence: 'is a Git LFS pointer, not the model itself: run "git lfs pull" to fetch the model.',
  },
  {
    at: 4,
    text: 'ORTM',
    sentence:
      'is a model in the ONNX Runtime format (.ort), which cannot be edited: open the .onnx file it was made from.',
  },
  { at: 4, text: 'TFL3', sentence: 'is a TensorFlow Lite model, not ONNX: convert it first.' },
  { at: 0, text: 'GGUF', sentence: 'is a GGUF model, not ONNX.' },
  {
    at: 0,
    text: 'PK\u0003\u0004',
    sentence: 'is a ZIP archive (perhaps a PyTorch checkpoint), not ONNX: unpack or export it first.',
  },
  {
    at: 1,
    text: 'HDF\r\n',
    sentence: 'is an HDF5 file (perhaps a Keras model), not ONNX: convert it first.',
  },
  { at: 0, text: '\u001f\u008b', sentence: 'is compressed with gzip: unpack it first.' },
];

/** What a file that could not be read as ONNX is instead, as a sentence; undefined when it cannot be told. */
export async function whatElse(source: ByteSource): Promise<string | undefined> {
  const head = await source.read(0, Math.min(SNIFFED_BYTES, source.size));
  const text = Array.from(head, (byte) => String.fromCharCode(byte)).join('');
  const found = signatures.find((signature) => text.startsWith(signature.text, signature.at));
  if (found) return `${source.name} ${found.sentence}`;
  if (/^[\t\n\r\x20-\x7e\x80-\xff]+$/.test(text) && isUtf8(head)) {
    const start = JSON.stringify(text.trimStart().slice(0, 24));
    return `${source.name} is a text file (it begins ${start}), not an ONNX model.`;
  }
  return undefined;
}

function isUtf8(bytes: Uint8Array): boolean {
  try {
    // A character may be cut at the end of the sample.
    new TextDecoder('utf-8', { fatal: true }).decode(bytes.subarray(0, Math.max(1, bytes.byteLength - 3)));
    return true;
  } catch {
    return false;
  }
}
