/** The measured program of `bench/open.ts`: opens one model to its layer tree and prints what that took. */
import { openModelFile } from '../../src/engine/files/modelFile';
import { inspectModel } from '../../src/engine/inspect';

const [path] = process.argv.slice(2);
if (path === undefined) throw new Error('name a model');

const cpu = process.cpuUsage();
const start = performance.now();
const opened = await openModelFile(path);
const graphMs = performance.now() - start;
const summary = await inspectModel(opened);
const treeMs = performance.now() - start;
const { user, system } = process.cpuUsage(cpu);
await opened.close();

console.log(
  JSON.stringify({
    graphMs,
    treeMs,
    cpuMs: (user + system) / 1000,
    layers: summary.layers.length,
    // Kilobytes on every platform that Node supports.
    residentBytes: process.resourceUsage().maxRSS * 1024,
  }),
);
