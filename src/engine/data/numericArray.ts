import { InputError } from '../../core/errors';
import { encodeFloat16 } from '../../core/onnx/floats';
import type { RuntimeData, RuntimeType } from '../../core/ports';

/** `values` as the runtime carries `type`: integers rounded and saturated, float16 as bits. */
export function numericArray(type: RuntimeType, values: Float64Array): RuntimeData {
  switch (type) {
    case 'float32':
      return Float32Array.from(values);
    case 'float64':
      return values;
    case 'float16':
      return Uint16Array.from(values, encodeFloat16);
    case 'int8':
      return Int8Array.from(values, saturate(-128, 127));
    case 'uint8':
      return Uint8Array.from(values, saturate(0, 255));
    case 'int16':
      return Int16Array.from(values, saturate(-32768, 32767));
    case 'uint16':
      return Uint16Array.from(values, saturate(0, 65535));
    case 'int32':
      return Int32Array.from(values, saturate(-(2 ** 31), 2 ** 31 - 1));
    case 'uint32':
      return Uint32Array.from(values, saturate(0, 2 ** 32 - 1));
    case 'int64':
      return BigInt64Array.from(Array.from(values, (value) => BigInt(Math.round(value))));
    case 'uint64':
      return BigUint64Array.from(Array.from(values, (value) => BigInt(Math.max(0, Math.round(value)))));
    case 'bool':
      return Uint8Array.from(values, (value) => (value === 0 ? 0 : 1));
    case 'string':
      throw new InputError('Numbers cannot be fed to a string input.');
  }
}

function saturate(low: number, high: number): (value: number) => number {
  return (value) => Math.min(high, Math.max(low, Math.round(value)));
}
