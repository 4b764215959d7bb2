import * as vscode from 'vscode';
import { EngineClient } from '../engine/client';
import type { EngineMethod, EngineMethods } from '../shared/rpc';
import type { CallOptions, SessionEngine } from './sessionEngine';

/** The one engine of this extension host, and its log. The process starts on the first call. */
export class EngineHost implements SessionEngine, vscode.Disposable {
  readonly #output: vscode.OutputChannel;
  readonly #client: EngineClient;

  constructor(extension: vscode.Uri) {
    this.#output = vscode.window.createOutputChannel('Roundoff');
    this.#client = new EngineClient({
      enginePath: vscode.Uri.joinPath(extension, 'dist', 'engine.mjs').fsPath,
      onLog: (text) => this.#output.append(text),
    });
  }

  async call<M extends EngineMethod>(
    method: M,
    request: Parameters<EngineMethods[M]>[0],
    options: CallOptions = {},
  ): Promise<Awaited<ReturnType<EngineMethods[M]>>> {
    try {
      return await this.#client.call(method, request, options);
    } catch (error) {
      this.log(`${method}: ${error instanceof Error ? error.message : String(error)}`);
      throw error;
    }
  }

  log(line: string): void {
    this.#output.appendLine(`${new Date().toISOString()} ${line}`);
  }

  showLog(): void {
    this.#output.show(true);
  }

  dispose(): void {
    this.#client.dispose();
    this.#output.dispose();
  }
}
