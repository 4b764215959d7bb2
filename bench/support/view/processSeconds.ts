import { readFile } from 'node:fs/promises';
import type { VsCode } from '../../../test/vscode/harness/vsCode';

/** Linux counts in hundredths. */
const TICKS = 100;

/** Processor time that the VS Code server and everything it started have taken so far, in seconds; NaN where there is no /proc. */
export async function processSeconds(vscode: VsCode): Promise<number> {
  let ticks = 0;
  for (const { pid } of await vscode.processes('')) {
    const text = await readFile(`/proc/${pid}/stat`, 'utf8').catch(() => undefined);
    // "pid (name) state parent …"; user and system time are the 14th and 15th field.
    const fields = text?.slice(text.lastIndexOf(')') + 2).split(' ');
    ticks += Number(fields?.[11] ?? 0) + Number(fields?.[12] ?? 0);
  }
  return ticks > 0 ? ticks / TICKS : NaN;
}
