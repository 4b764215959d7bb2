/**
 * The few globals that every JavaScript runtime has but that `lib: ES2023` does not declare.
 * Nothing else of Node or the DOM may be used in core.
 */
declare class TextDecoder {
  constructor(label?: string, options?: { fatal?: boolean; ignoreBOM?: boolean });
  decode(input?: Uint8Array): string;
}
declare class TextEncoder {
  encode(input?: string): Uint8Array<ArrayBuffer>;
}
declare const performance: { now(): number };
