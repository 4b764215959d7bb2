/** Reading the golden files: see README.md for the encodings. */

export function decodeBase64(text: string): Uint8Array {
  return Uint8Array.from(Buffer.from(text, 'base64'));
}

/** Little-endian float32 values. */
export function floats(base64: string): Float32Array {
  return new Float32Array(decodeBase64(base64).buffer);
}

/** A float32 as eight hex digits, most significant first. */
export function floatBits(value: number): string {
  const bits = new Uint32Array(new Float32Array([value]).buffer)[0] ?? 0;
  return bits.toString(16).padStart(8, '0');
}
