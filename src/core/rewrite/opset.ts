import type { Model } from '../onnx/types';
export async function raiseOpset(
  model: Model,
  target: number,
  dims?: Readonly<Record<string, number>>,
): Promise<{ model: Model; notes: string[] }> {
  void target;
  void dims;
  return { model, notes: [] };
}
