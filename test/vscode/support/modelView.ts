import type { Frame, Locator } from 'playwright-core';
import type { VsCode } from '../harness/vsCode';
import { until } from './until';

/** Layers of the sample in its order, as rows are labelled. */
export const SAMPLE_LAYERS = [
  'node_conv2d',
  'node_conv2d_1',
  'node_conv2d_2',
  'node_linear',
  'node_linear_1',
] as const;

/** The layer tree of the visible model editor, read and used as a user does. Ask again after a tab was switched. */
export class ModelView {
  private constructor(
    readonly frame: Frame,
    private readonly vscode: VsCode,
  ) {}

  /**
   * Waits until the editor that is visible shows the layers of `file`: after a switch, the one that is on its way out is
   * still there for a moment.
   */
  static async shown(vscode: VsCode, file = 'model.onnx'): Promise<ModelView> {
    const deadline = Date.now() + 60_000;
    let seen = '';
    do {
      const frame = await vscode.view();
      try {
        seen = (await frame.locator('h1').allInnerTexts()).join();
        const rows = await frame.locator('[role=treegrid] [data-id]').count();
        if (seen === file && rows > 0) return new ModelView(frame, vscode);
      } catch (error) {
        // The view is being made again: another frame takes its place.
        if (!frame.isDetached()) throw error;
      }
      await vscode.page.waitForTimeout(50);
    } while (Date.now() < deadline);
    throw new Error(`No editor showed the layers of ${file}; the one that is visible shows "${seen}"`);
  }

  /** Row of a layer by its exact name. */
  layer(name: string): Locator {
    return this.frame.locator(`[data-id="row:${name}"]`);
  }

  group(name: string): Locator {
    return this.frame.locator('[role=row].group').filter({ hasText: name });
  }

  /** Text in a column of a layer's row. */
  async cell(name: string, column: 'op' | 'scheme' | 'sensitivity' | 'shape'): Promise<string> {
    return ((await this.layer(name).locator(`.cell.${column}`).textContent()) ?? '').trim();
  }

  async waitForScheme(name: string, scheme: string): Promise<void> {
    await until(`${name} has the scheme ${scheme}`, async () => (await this.cell(name, 'scheme')) === scheme);
  }

  /** Names of the layers on screen. */
  async layers(): Promise<string[]> {
    const ids = await this.frame
      .locator('[role=row].row:not(.group)[data-id]')
      .evaluateAll((rows) => rows.map((row) => row.getAttribute('data-id') ?? ''));
    return ids.map((id) => id.replace(/^row:/, ''));
  }

  async filter(text: string): Promise<void> {
    await this.frame.locator('vscode-textfield.filter input').fill(text);
  }

  button(name: string): Locator {
    return this.frame.locator('vscode-button, button').filter({ hasText: name });
  }

  /** Right-clicks a layer and picks from VS Code's menu. */
  async menu(name: string, entry: string): Promise<void> {
    await this.vscode.contextMenu(this.layer(name).locator('.cell.name'), entry);
  }
}

/** Answers the question for calibration data with a file beside the model. */
export async function chooseDataBeside(vscode: VsCode, name: string): Promise<void> {
  await vscode.quickInput.waitFor('Calibration data');
  await vscode.quickInput.pick(name);
}

/** Answers the question which formats a scan or a search tries with what is ticked. */
export async function acceptFormats(vscode: VsCode): Promise<void> {
  await vscode.quickInput.waitFor('Formats to try for each layer');
  // By mouse: an editor that has just opened may take the keyboard.
  await vscode.quickInput.accept();
}
