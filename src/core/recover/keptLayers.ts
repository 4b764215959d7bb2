import type { LocalWeightRule } from '../quant/integerWeight';
import { formatText } from '../quant/layerFormat';
import type { CodeRounding } from '../quant/weightGrid';
import type { ResultCache, Sample } from '../ports';
import type { Model } from '../onnx/types';
import type { Plan } from '../plan/types';
import type { EncodingChoice } from '../rewrite/weights/encodeWeight';
import type { RecoveredLayer } from '../recoverResults';
import type { Equalized } from '../rewrite/equalize/equalize';
import type { LayerTask } from './layerTask';

/** Of what is computed and kept: results of versions that computed otherwise are not used. */
export const RECOVER_VERSION = 9;

const DIGITS = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/';

/** A layer that is done. */
export interface DoneLayer {
  readonly choice: EncodingChoice;
  /** What is added to its bias; absent: nothing. */
  readonly delta?: Float32Array;
  readonly layer: RecoveredLayer;
}

/**
 * Layers that are done, by what they were computed from: every byte of the model, the samples, the recipe, the formats of the
 * layer and, unless each is done on its own, of those before it, and the runtime. Without a store nothing is known and nothing
 * kept.
 */
export class KeptLayers {
  private readonly common: readonly unknown[];
  private readonly isSequential: boolean;
  /** What the last layer asked for depends on: itself and those before, each with its format and what data chose for it. */
  private layers: unknown[] = [];

  /**
   * @param float the prepared model: which normalizations are folded depends on formats of later layers as well.
   * @param evened layers between which channels were evened out: so do these.
   */
  constructor(
    private readonly store: ResultCache | undefined,
    runtime: string,
    plan: Plan,
    samples: readonly Sample[],
    float: Model,
    evened: Equalized['pairs'],
  ) {
    this.isSequential = plan.recover?.sequential !== false;
    const ids = store ? samples.map((sample) => store.identify(sample)) : [];
    this.common = [
      'recover',
      RECOVER_VERSION,
      store?.model,
      runtime,
      plan.recover,
      plan.dimensions ?? {},
      evened,
      ids,
      // A layer on its own is prepared for nothing but its own format.
      ...(this.isSequential ? (float.graph?.node.map(({ name }) => name) ?? []) : []),
    ];
  }

  /** What is known of the next layer. Layers that depend on each other are asked for in the order in which they are done. */
  async next(task: LayerTask): Promise<DoneLayer | undefined> {
    const { rule, gain, importance } = task.choice;
    // Of samples that are not among those used, too: tables differ with them, and codes name places in tables.
    const energies = this.store && importance ? fingerprint(importance()) : null;
    const own = [task.layer.name, formatText(task.format), rule, gain, energies];
    this.layers = this.isSequential ? [...this.layers, own] : [own];
    const value = await this.store?.get(this.key());
    return isEntry(value) ? restored(value, task) : undefined;
  }

  /** Keeps the layer that was last asked for. */
  async keep(done: DoneLayer): Promise<void> {
    const { choice, delta, layer } = done;
    const { codes, rule, gain, importance } = choice;
    const entry: Entry = {
      ...(codes && { codes: textOf(codes.codes) }),
      ...(codes?.factors && { factors: [...codes.factors] }),
      ...(codes?.rounding && { rounding: codes.rounding }),
      ...(rule !== undefined && { rule }),
      ...(gain !== undefined && { gain }),
      importance: importance !== undefined,
      ...(delta && { delta: [...delta] }),
      layer,
    };
    await this.store?.put(this.key(), entry);
  }

  private key(): string {
    return JSON.stringify([this.common, this.layers]);
  }
}

/** FNV-1a of the bytes, 32 bits. */
function fingerprint({ buffer, byteOffset, byteLength }: Float32Array): number {
  let hash = 0x811c9dc5;
  for (const byte of new Uint8Array(buffer, byteOffset, byteLength)) {
    hash = Math.imul(hash ^ byte, 0x01000193);
  }
  return hash >>> 0;
}

/** Codes as text: so many digits for each, after the least of them is taken off. */
interface CodeText {
  readonly first: number;
  readonly digits: number;
  readonly text: string;
}

interface Entry {
  readonly codes?: CodeText;
  readonly factors?: readonly number[];
  readonly rounding?: CodeRounding;
  readonly rule?: LocalWeightRule;
  readonly gain?: boolean;
  readonly importance: boolean;
  readonly delta?: readonly number[];
  readonly layer: RecoveredLayer;
}

function isEntry(value: unknown): value is Entry {
  return typeof value === 'object' && value !== null && 'layer' in value && 'importance' in value;
}

function restored(entry: Entry, task: LayerTask): DoneLayer {
  const { codes, factors, rounding, rule, gain, delta, layer } = entry;
  const importance = entry.importance ? task.choice.importance : undefined;
  return {
    choice: {
      ...(rule !== undefined && { rule }),
      ...(gain !== undefined && { gain }),
      ...(importance && { importance }),
      ...(codes && {
        codes: {
          codes: codesOf(codes),
          ...(factors && { factors: Float32Array.from(factors) }),
          ...(rounding && { rounding }),
        },
      }),
    },
    ...(delta && { delta: Float32Array.from(delta) }),
    layer,
  };
}

function textOf(codes: Int16Array): CodeText {
  let [first, last] = [Infinity, -Infinity];
  for (const code of codes) {
    if (code < first) first = code;
    if (code > last) last = code;
  }
  const digits = last - first < 64 ? 1 : last - first < 64 ** 2 ? 2 : 3;
  const bytes = new Uint8Array(codes.length * digits);
  for (let i = 0; i < codes.length; i++) {
    let rest = (codes[i] as number) - first;
    for (let digit = 0; digit < digits; digit++) {
      bytes[i * digits + digit] = DIGITS.charCodeAt(rest % 64);
      rest = Math.floor(rest / 64);
    }
  }
  return { first, digits, text: new TextDecoder().decode(bytes) };
}

function codesOf({ first, digits, text }: CodeText): Int16Array {
  const values = new Uint8Array(128);
  for (let digit = 0; digit < 64; digit++) values[DIGITS.charCodeAt(digit)] = digit;
  const codes = new Int16Array(text.length / digits);
  for (let i = 0; i < codes.length; i++) {
    let code = 0;
    for (let digit = digits - 1; digit >= 0; digit--) {
      code = code * 64 + (values[text.charCodeAt(i * digits + digit)] ?? 0);
    }
    codes[i] = first + code;
  }
  return codes;
}
