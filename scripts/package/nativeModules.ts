import { existsSync } from 'node:fs';
import { cp, readFile, readdir } from 'node:fs/promises';
import { basename, join, relative, sep } from 'node:path';
import { projectRoot } from '../vscode/paths';

const modules = join(projectRoot, 'node_modules');

/** VS Code's name of this machine's platform (`linux-x64`, `alpine-arm64`, `win32-x64`...), as `vsce --target` wants it. */
export function thisPlatform(): string {
  return `${isMusl() ? 'alpine' : process.platform}-${process.arch}`;
}

/** libc of the running Node: musl reports no glibc version. */
function isMusl(): boolean {
  if (process.platform !== 'linux') return false;
  const { header } = process.report.getReport() as { header: { glibcVersionRuntime?: string } };
  return header.glibcVersionRuntime === undefined;
}

/**
 * Copies what the bundles load from node_modules at run time: onnxruntime-node with this platform's libraries only, and
 * sharp with the `@img` packages that npm chose for this platform. Where ONNX Runtime has no libraries for the platform
 * (Intel Mac, musl) its JavaScript is copied alone: loading it fails with a message that the engine turns into its own.
 * @throws Error when a package is not installed.
 */
export async function copyNativeModules(to: string): Promise<void> {
  await copyPackage('onnxruntime-common', to, isRuntimeFile);
  const libraries = join('bin', 'napi-v6', process.platform, process.arch);
  const otherLibraries = (path: string) => {
    const part = relative(join(modules, 'onnxruntime-node', 'bin'), path);
    return !part.startsWith('..') && !isOnPathTo(libraries, join('bin', part));
  };
  await copyPackage(
    'onnxruntime-node',
    to,
    (path) => isRuntimeFile(path) && !otherLibraries(path) && basename(path) !== 'script',
  );
  await copyPackage(
    'sharp',
    to,
    (path) => isRuntimeFile(path) && !['src', 'install'].includes(basename(path)),
  );
  const { dependencies } = JSON.parse(await readFile(join(modules, 'sharp', 'package.json'), 'utf8')) as {
    dependencies: Record<string, string>;
  };
  const platformPackages = (await readdir(join(modules, '@img')))
    .map((name) => `@img/${name}`)
    .filter((name) => !(name in dependencies));
  for (const name of [...Object.keys(dependencies), ...platformPackages])
    await copyPackage(name, to, isRuntimeFile);
}

/** Whether `path` is `target`, above it or below it. */
function isOnPathTo(target: string, path: string): boolean {
  return (target + sep).startsWith(path + sep) || (path + sep).startsWith(target + sep);
}

/** No sources, types, maps, headers, build files or documentation; licences stay. */
function isRuntimeFile(path: string): boolean {
  return !/(\.(ts|cts|mts|map|h|md|cc|gyp)|[\\/](__tests__|test|include|README|CHANGELOG))$/.test(path);
}

async function copyPackage(name: string, to: string, keep: (path: string) => boolean): Promise<void> {
  const from = join(modules, name);
  if (!existsSync(from)) throw new Error(`${name} is not installed. Run: npm ci`);
  await cp(from, join(to, name), {
    recursive: true,
    dereference: true,
    filter: (path) => path === from || (keep(path) && basename(path) !== 'node_modules'),
  });
}
