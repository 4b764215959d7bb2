/**
 * `npm run bench` lists the benches, `npm run bench -- NAME [ARGUMENTS]` runs one. Each is a program of its own, so that one
 * bench's memory and threads do not show in another's figures.
 */
import { spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

const benches: Readonly<Record<string, string>> = {
  view: 'the view in a real VS Code: first rows, script per scrolled frame and per step of a drag',
  pictures: 'every chart in a real VS Code, in the four themes, for people to look at',
  open: 'time and memory to open models of 1.9 GB and 6 GB',
  truth: 'sensitivities of the scan against brute force that shares no code, on five models',
  deep: 'time and memory to scan a generated model of 2,000 layers',
  stability: 'order of layers by 32 samples against all samples, per format',
  quality: "output SQNR of quantized models beside ONNX Runtime's own tool",
  latency: "time of a run: float, ours and the tool's file, interleaved",
  schemes: 'every scheme on every model: bytes, SQNR, accuracy, time, memory; --targets judges them',
  search: 'searched plans beside simple ones of the same bytes, on data that nothing chose by',
  scanVariants: 'ways to run the trials of a scan against each other, in CPU time',
  recovery: 'accuracy that compensated weights give back: five models, six formats, every recipe',
  recoveryLayer: 'rounding rules on one made-up layer, beside figures of other code',
  scan: "time and memory to scan ResNet-18, beside the naive loop with ONNX Runtime's own tool",
  quantize: "time and memory to quantize weights, beside ONNX Runtime's own tool",
};

const [name, ...rest] = process.argv.slice(2);
if (name === undefined) {
  for (const [bench, what] of Object.entries(benches)) console.log(`${bench.padEnd(12)} ${what}`);
} else {
  const file = fileURLToPath(new URL(`${name}.ts`, import.meta.url));
  if (!(name in benches) || !existsSync(file)) {
    console.error(`There is no bench "${name}". Run one of: ${Object.keys(benches).join(', ')}.`);
    process.exitCode = 2;
  } else {
    const child = spawn(process.execPath, ['--import', 'tsx', file, ...rest], { stdio: 'inherit' });
    child.on('exit', (code) => (process.exitCode = code ?? 1));
  }
}
