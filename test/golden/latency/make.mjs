/**
 * Records how ONNX Runtime profiles a model of 28 × 28 inputs: `node make.mjs MODEL.onnx OUT.json`. The recordings are of
 * samples/mnist/mnist_cnn.onnx and of what `roundoff quantize --scheme w8a8` makes of it, with onnxruntime-node 1.30.0.
 * Times differ from run to run; of the arguments only those that are read are kept.
 */
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { InferenceSession, Tensor } from 'onnxruntime-node';

const [model, output] = process.argv.slice(2);
const folder = mkdtempSync(join(tmpdir(), 'profile-'));
const session = await InferenceSession.create(model, {
  enableProfiling: true,
  profileFilePrefix: join(folder, 'profile'),
  logSeverityLevel: 4,
});
const pixels = new Float32Array(28 * 28).map(() => Math.random());
const feeds = { [session.inputNames[0]]: new Tensor('float32', pixels, [1, 1, 28, 28]) };
for (let run = 0; run < 4; run++) await session.run(feeds);
session.endProfiling();
await session.release();
const [file] = readdirSync(folder);
const events = JSON.parse(readFileSync(join(folder, file), 'utf8'))
  .filter(({ name }) => !name.startsWith('model_loading'))
  .map(({ cat, name, ph, ts, dur, args }) => {
    const { op_name, output_type_shape, provider } = args ?? {};
    return { cat, name, ph, ts, dur, args: op_name ? { op_name, output_type_shape, provider } : {} };
  });
writeFileSync(output, `[\n${events.map((event) => JSON.stringify(event)).join(',\n')}\n]\n`);
rmSync(folder, { recursive: true });
