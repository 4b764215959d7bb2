import { execFile } from 'node:child_process';
import { existsSync } from 'node:fs';
import { readdir, readFile } from 'node:fs/promises';
import { promisify } from 'node:util';

export interface ProcessInfo {
  pid: number;
  parent: number;
  command: string;
}

/** All processes below `root`, at any depth. */
export async function descendants(root: number): Promise<ProcessInfo[]> {
  const all = await allProcesses();
  const known = new Set([root]);
  const found: ProcessInfo[] = [];
  // Until nothing is added: a child may be listed before its parent.
  for (let before = -1; before !== found.length;) {
    before = found.length;
    for (const info of all)
      if (known.has(info.parent) && !known.has(info.pid)) {
        known.add(info.pid);
        found.push(info);
      }
  }
  return found;
}

/** Whether a process runs; one that has ended but was not collected by its parent does not. */
export async function isRunning(pid: number): Promise<boolean> {
  return (await allProcesses()).some((found) => found.pid === pid);
}

/** A bare Debian has no `ps`. */
function allProcesses(): Promise<ProcessInfo[]> {
  return existsSync('/proc/self/stat') ? fromProc() : fromPs();
}

async function fromProc(): Promise<ProcessInfo[]> {
  const found: ProcessInfo[] = [];
  for (const name of await readdir('/proc')) {
    if (!/^\d+$/.test(name)) continue;
    try {
      const stat = await readFile(`/proc/${name}/stat`, 'utf8');
      const command = await readFile(`/proc/${name}/cmdline`, 'utf8');
      // "pid (name) state parent …"; the name may contain spaces and parentheses.
      const [state, parent] = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
      if (state !== 'Z')
        found.push({
          pid: Number(name),
          parent: Number(parent),
          command: command.replaceAll('\0', ' ').trim(),
        });
    } catch {
      // It ended while we looked at it.
    }
  }
  return found;
}

async function fromPs(): Promise<ProcessInfo[]> {
  const { stdout } = await promisify(execFile)('ps', ['-A', '-o', 'pid=,ppid=,stat=,command=']);
  return stdout.split('\n').flatMap((line) => {
    const match = /^\s*(\d+)\s+(\d+)\s+[^Z\s]\S*\s+(.*)$/.exec(line);
    return match ? [{ pid: Number(match[1]), parent: Number(match[2]), command: match[3] ?? '' }] : [];
  });
}
