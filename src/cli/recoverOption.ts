import { InvalidArgumentError, type Command } from 'commander';
import { recoverMistake, recoverSummaries } from '../core/plan/recover';
import { RECOVER_STEPS, type RecoverStep } from '../core/plan/types';

export interface RecoverOption {
  /** Empty: nothing, whatever the plan file says. */
  recover?: readonly RecoverStep[];
  /** False: each layer on its own. */
  sequential?: boolean;
}

/** `gptq,bias`, or `none`. */
export function recoverSteps(text: string): readonly RecoverStep[] {
  if (text === 'none') return [];
  const words = text.split(',').map((word) => word.trim());
  const steps = words.flatMap((word) => RECOVER_STEPS.find((step) => step === word) ?? []);
  if (steps.length < words.length || new Set(words).size < words.length) {
    throw new InvalidArgumentError(`It must be none, or some of ${RECOVER_STEPS.join(', ')}, each once.`);
  }
  const mistake = recoverMistake(steps);
  if (mistake !== undefined) throw new InvalidArgumentError(mistake);
  return steps;
}

export function addRecoverOption(command: Command): Command {
  return command
    .option(
      '--recover <steps>',
      'make up for the errors of weights, such as gptq,refit,bias (see below); needs data; none: not even as the plan says',
      recoverSteps,
    )
    .option(
      '--no-sequential',
      'recover each layer as the only one that is quantized, as scan and search do: codes depend on no other layer',
    );
}

/** Of `scan` and `search`. */
export function addLoneRecoverOption(command: Command): Command {
  return command.option(
    '--recover <steps>',
    'measure formats with codes that make up for their errors, such as gptq,bias (see below); takes longer; none: not even as the plan says',
    (text) => {
      const steps = recoverSteps(text);
      const mistake = recoverMistake(steps, { sequential: false });
      if (mistake !== undefined) throw new InvalidArgumentError(mistake);
      return steps;
    },
  );
}

const width = Math.max(...RECOVER_STEPS.map((step) => step.length)) + 2;

function stepLines(steps: readonly RecoverStep[]): string[] {
  return steps.map((step) => `  ${step.padEnd(width)}${recoverSummaries[step].summary}`);
}

/** What the steps do, for the end of a help text. */
export const recoverHelp = [
  'Steps of --recover, done in this order, each kept only where the output on samples held out gets better:',
  ...stepLines(RECOVER_STEPS),
].join('\n');

/** The same where each layer is on its own. */
export const loneRecoverHelp = [
  'Steps of --recover, for every format with codes; each layer on its own, as `quantize --no-sequential` writes it:',
  ...stepLines(RECOVER_STEPS.filter((step) => recoverMistake([step], { sequential: false }) === undefined)),
].join('\n');
