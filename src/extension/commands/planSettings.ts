import * as vscode from 'vscode';
import { formatText } from '../../core/quant/layerFormat';
import { isActivationRange, type ActivationRangeRule, type ActivationType } from '../../core/quant/scheme';
import type { Plan } from '../../core/plan/types';
import type { ModelDocument } from '../editor/modelDocument';
import { settingsEdit } from '../editor/planEdit';
import { pickFormat } from './quantizeWith';

const TITLE = 'Plan Settings';

interface Choice<T> extends vscode.QuickPickItem {
  readonly value: T;
}

/** Lets the user change what holds for the whole plan, each as an edit of its own. */
export async function changePlanSettings(document: ModelDocument): Promise<void> {
  const { plan } = document.session;
  const symmetry = plan.activationSymmetric ? 'symmetric' : 'asymmetric';
  const picked = await pick<(document: ModelDocument) => Promise<void>>(TITLE, [
    {
      label: 'Scheme of other layers',
      description: formatText({ ...plan.defaultOptions, scheme: plan.defaultScheme }),
      detail: 'What every layer gets that has no entry of its own',
      value: changeDefault,
    },
    {
      label: 'Activation range',
      description: plan.activationRange,
      detail: 'How the ranges of 8- and 16-bit activations are chosen from calibration data',
      value: changeRange,
    },
    {
      label: 'Activation type',
      description: `${plan.activationType}, ${symmetry}`,
      detail: 'uint8 is the fast one on x86, int8 on ARM',
      value: changeType,
    },
  ]);
  await picked?.(document);
}

async function changeDefault(document: ModelDocument): Promise<void> {
  const format = await pickFormat(1);
  if (!format) return;
  const { scheme, ...options } = format;
  const defaultOptions = Object.keys(options).length > 0 ? options : undefined;
  change(document, `Set Default Scheme: ${formatText(format)}`, { defaultScheme: scheme, defaultOptions });
}

const RANGES: readonly Choice<ActivationRangeRule | 'other'>[] = [
  {
    label: 'auto',
    description: 'the best of percentile 99.999, mse and max by the model’s output',
    value: 'auto',
  },
  { label: 'max', description: 'the extremes', value: 'max' },
  { label: 'average', description: 'the mean of each sample’s extremes', value: 'average' },
  {
    label: 'percentile:99.99',
    description: 'what 99.99 % of the values lie within',
    value: 'percentile:99.99',
  },
  { label: 'mse', description: 'least squared error of clipping and rounding', value: 'mse' },
  { label: 'entropy', description: 'least Kullback–Leibler divergence; can ruin a model', value: 'entropy' },
  { label: 'aciq', description: 'analytic, from the moments of the distribution', value: 'aciq' },
  { label: 'Other percentile…', value: 'other' },
];

async function changeRange(document: ModelDocument): Promise<void> {
  const picked = await pick('Activation Range', RANGES);
  const activationRange = picked === 'other' ? await askPercentile() : picked;
  if (activationRange) change(document, `Set Activation Range: ${activationRange}`, { activationRange });
}

async function askPercentile(): Promise<ActivationRangeRule | undefined> {
  const text = await vscode.window.showInputBox({
    title: 'Activation Range',
    prompt: 'Percentile, above 50 and up to 100',
    value: '99.9',
    validateInput: (value) =>
      isActivationRange(`percentile:${value}`) ? undefined : 'It must be above 50 and at most 100.',
  });
  const rule = `percentile:${text ?? ''}`;
  return isActivationRange(rule) ? rule : undefined;
}

async function changeType(document: ModelDocument): Promise<void> {
  const choices: readonly (readonly [ActivationType, boolean])[] = [
    ['uint8', false],
    ['int8', false],
    ['int8', true],
    ['uint8', true],
  ];
  const picked = await pick(
    'Activation Type',
    choices.map((value) => ({ label: typeText(value), value })),
  );
  if (!picked) return;
  const [activationType, isSymmetric] = picked;
  change(document, `Set Activation Type: ${typeText(picked)}`, {
    activationType,
    activationSymmetric: isSymmetric || undefined,
  });
}

function typeText([type, isSymmetric]: readonly [ActivationType, boolean]): string {
  return `${type}, ${isSymmetric ? 'symmetric' : 'asymmetric'}`;
}

/** An undefined value takes the setting away. */
function change(document: ModelDocument, label: string, changes: Partial<Omit<Plan, 'layers'>>): void {
  document.edit(settingsEdit(document.session.plan, label, changes));
}

async function pick<T>(title: string, choices: readonly Choice<T>[]): Promise<T | undefined> {
  return (
    await vscode.window.showQuickPick(choices, { title, matchOnDescription: true, ignoreFocusOut: true })
  )?.value;
}
