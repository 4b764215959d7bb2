/**
 * Bundles the programs of the extension into dist/: the extension, the engine process, the command line and the
 * view. `--watch` rebuilds on change, `--production` minifies and leaves source maps out.
 */
import { chmodSync, cpSync, existsSync, mkdirSync, rmSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import * as esbuild from 'esbuild';

const root = join(dirname(fileURLToPath(import.meta.url)), '..');
const watch = process.argv.includes('--watch');
const production = process.argv.includes('--production');

/** Native packages: they find their binaries relative to their own files, so they stay in node_modules. */
const native = ['onnxruntime-node', 'sharp'];

/** Bundled CommonJS packages call `require` for Node's own modules, which an ES module does not have. */
const requireBanner =
  "import { createRequire as __createRequire } from 'node:module'; const require = __createRequire(import.meta.url);";

/** @type {esbuild.BuildOptions} */
const common = {
  absWorkingDir: root,
  bundle: true,
  minify: production,
  sourcemap: production ? false : 'linked',
  legalComments: 'none',
  logLevel: 'info',
  metafile: true,
};

/** @type {esbuild.BuildOptions} */
const node = { ...common, platform: 'node', target: 'node20' };

/** @type {esbuild.BuildOptions[]} */
const programs = [
  {
    ...node,
    entryPoints: ['src/extension/extension.ts'],
    outfile: 'dist/extension.cjs',
    format: 'cjs',
    external: ['vscode', ...native],
    // CommonJS has no import.meta; modules shared with the command line find their neighbours by it.
    define: { 'import.meta.url': '__importMetaUrl' },
    banner: { js: "const __importMetaUrl = require('node:url').pathToFileURL(__filename).href;" },
  },
  {
    ...node,
    entryPoints: ['src/engine/main.ts'],
    outfile: 'dist/engine.mjs',
    format: 'esm',
    external: native,
    banner: { js: requireBanner },
  },
  {
    ...node,
    entryPoints: ['src/cli/main.ts'],
    outfile: 'dist/cli.mjs',
    format: 'esm',
    external: native,
    banner: { js: `#!/usr/bin/env node\n${requireBanner}` },
  },
  {
    ...common,
    entryPoints: { main: 'webview/main.tsx', comparison: 'webview/comparison/main.tsx' },
    outdir: 'dist/webview',
    platform: 'browser',
    format: 'iife',
    target: 'es2022',
    jsx: 'automatic',
    jsxImportSource: 'preact',
    loader: { '.ttf': 'copy' },
    assetNames: '[name]',
  },
];

/** The icon font is loaded by the webview as a style sheet of its own, as the elements library asks for it. */
function copyAssets() {
  const from = join(root, 'node_modules/@vscode/codicons/dist');
  const to = join(root, 'dist/webview');
  mkdirSync(to, { recursive: true });
  for (const name of ['codicon.css', 'codicon.ttf']) cpSync(join(from, name), join(to, name));
}

function markExecutable() {
  const cli = join(root, 'dist/cli.mjs');
  if (existsSync(cli)) chmodSync(cli, 0o755);
}

if (watch) {
  copyAssets();
  const contexts = await Promise.all(programs.map((options) => esbuild.context(options)));
  await Promise.all(contexts.map((context) => context.watch()));
} else {
  // A release starts clean; a development build overwrites, so that a running editor keeps its files.
  if (production) rmSync(join(root, 'dist'), { recursive: true, force: true });
  copyAssets();
  const results = await Promise.allSettled(programs.map((options) => esbuild.build(options)));
  markExecutable();
  // esbuild has printed the errors of each program already.
  if (results.some((result) => result.status === 'rejected')) process.exit(1);
}
