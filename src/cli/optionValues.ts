import { InvalidArgumentError, type Command } from 'commander';
import type { ActivationRangeRule, ActivationType } from '../core/quant/scheme';
import { activationRange, rangeForms } from './rangeRules';
import { tensorForms, tensorOverride, type TensorOverrides } from './tensorOptions';

/** Options that several verbs share. */
export interface DataOptions {
  data?: string;
  samples?: number;
  seed?: number;
  dim?: Record<string, number>;
  json?: boolean;
}

export interface ActivationOptions {
  activationRange?: ActivationRangeRule;
  activationType?: ActivationType;
  activationSymmetric?: boolean;
  tensor?: TensorOverrides;
}

export function positiveInteger(text: string): number {
  const value = Number(text);
  if (!/^\d+$/.test(text) || value < 1) throw new InvalidArgumentError('It must be a whole number from 1.');
  return value;
}

export function wholeNumber(text: string): number {
  if (!/^\d+$/.test(text)) throw new InvalidArgumentError('It must be a whole number from 0.');
  return Number(text);
}

export function decimal(text: string): number {
  const value = Number(text);
  if (text.trim() === '' || !Number.isFinite(value)) throw new InvalidArgumentError('It must be a number.');
  return value;
}

export function nonNegative(text: string): number {
  const value = decimal(text);
  if (value < 0) throw new InvalidArgumentError('It must be a number from 0.');
  return value;
}

/** `NAME=N`, collected. */
export function dimension(text: string, before: Record<string, number> = {}): Record<string, number> {
  const at = text.lastIndexOf('=');
  if (at < 1) throw new InvalidArgumentError('It must be NAME=N.');
  return { ...before, [text.slice(0, at)]: positiveInteger(text.slice(at + 1)) };
}

export function collect(text: string, before: readonly string[] = []): readonly string[] {
  return [...before, text];
}

export function activationType(text: string): ActivationType {
  if (text !== 'uint8' && text !== 'int8') throw new InvalidArgumentError('It must be uint8 or int8.');
  return text;
}

const dataHelp =
  '.npz/.npy arrays, a folder of images with preprocess.json, a folder of ONNX test data, or the word "random"';

/** --data, --samples, --seed, --dim and --json. */
export function addDataOptions(command: Command, samplesHelp: string): Command {
  return addDimension(command.option('--data <path>', dataHelp))
    .option('--samples <n>', samplesHelp, positiveInteger)
    .option('--seed <n>', 'deals the data into slices (default: 1)', wholeNumber)
    .option('--json', 'print the result as JSON');
}

export function addDimension(command: Command): Command {
  return command.option('--dim <name=n>', 'size of a symbolic dimension; repeatable', dimension);
}

export function addActivationOptions(command: Command): Command {
  return command
    .option('--activation-range <rule>', `${rangeForms} (default: auto)`, activationRange)
    .option(
      '--activation-type <type>',
      'uint8 or int8 (default: uint8); of 16 bits: the same sign',
      activationType,
    )
    .option('--activation-symmetric', 'make activation ranges symmetric about zero')
    .option(
      '--tensor <name=options>',
      `what one activation is like: ${tensorForms}, with commas between; repeatable`,
      tensorOverride,
    );
}
