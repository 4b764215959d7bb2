import type { RuntimeTensor, RuntimeType, Sample } from '../../core/ports';
import type { DataSummary } from '../../core/results';

/** What a model wants to be fed at one of its inputs. */
export interface InputSpec {
  readonly name: string;
  readonly type: RuntimeType;
  /** Numbers, symbolic names or null (unknown) per dimension; null as a whole for unknown rank. */
  readonly shape: readonly (number | string | null)[] | null;
}

/** What classes are called, by their indices. */
export interface ClassNames {
  readonly names: ReadonlyMap<number, string>;
  /** Classes of the whole list; absent when the data names only those that it has. */
  readonly count?: number;
}

/** Samples that fit a model's inputs, read one at a time. */
export interface DataSet {
  /** Path as given, or `random`. */
  readonly data: string;
  readonly kind: DataSummary['kind'];
  readonly length: number;
  readonly labels: 'class' | 'pixel' | null;
  /** When the data itself tells them. */
  readonly classNames?: ClassNames;
  /** Reads one sample; its tensors fit the inputs (batch 1, or the model's fixed batch). */
  sample(index: number): Promise<Sample>;
  /** The image file of a sample, when it comes from one. */
  imageOf?(index: number): string | undefined;
  /** What the user should know. */
  notes?(): string[];
}

/** `float32 [N, 3, 224, 224]`, as messages show a tensor. */
export function describeTensor({ type, dims }: Pick<RuntimeTensor, 'type' | 'dims'>): string {
  return `${type} [${dims.join(', ')}]`;
}

/** `float32 [N, 3, 224, 224]`, as messages show what an input wants. */
export function describeSpec({ type, shape }: InputSpec): string {
  return shape ? `${type} [${shape.map((size) => size ?? '?').join(', ')}]` : `${type} of any shape`;
}

export function nameList(names: Iterable<string>): string {
  const all = [...names];
  const shown = all.slice(0, 10).join(', ');
  return all.length > 10 ? `${shown} and ${all.length - 10} more` : shown || 'none';
}
