/**
 * Builds an engine of every model for several GPUs, with its own batch and with a free one, and prints seconds, sizes and layers:
 *
 *     node bench/engines/build-all.mjs [--shared ../shared] [--device tensorrt-rtx] [--write bench/results/engines.md]
 *
 * Each is built twice in a cache of its own, and the bytes are compared. No GPU is needed for tensorrt-rtx.
 */
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { availableParallelism, cpus, tmpdir } from 'node:os';
import { basename, join, resolve } from 'node:path';
import { parseArgs } from 'node:util';

import { buildEngine, FoveateError } from '../../dist/index.js';

const { values: options } = parseArgs({
  options: {
    shared: { type: 'string', default: join(import.meta.dirname, '../../../shared') },
    device: { type: 'string', default: 'tensorrt-rtx' },
    write: { type: 'string' },
  },
});
const capabilities = [86, 89, 120];
const folders = [join(resolve(options.shared), 'models'), join(import.meta.dirname, '../../examples/models')];
const models = folders.filter(existsSync).flatMap((folder) => readdirSync(folder).map((name) => join(folder, name)));
const cache = mkdtempSync(join(tmpdir(), 'foveate-engines-'));
process.env.FOVEATE_CACHE_DIR = cache;

async function built(model, more) {
  const started = performance.now();
  const { bundle } = await buildEngine(model, { device: options.device, cache: false, ...more });
  const seconds = (performance.now() - started) / 1000;
  return { manifest: bundle.manifest, seconds, bytes: readFileSync(join(bundle.path, bundle.manifest.engine.file)) };
}

const rows = [];
let library = '';
for (const model of models.filter((name) => name.endsWith('.onnx'))) {
  for (const computeCapability of capabilities) {
    for (const batch of [undefined, { min: 1, opt: 4, max: 8 }]) {
      const what = [basename(model), String(computeCapability), batch === undefined ? 'as it is' : '1 to 8'];
      try {
        const first = await built(model, { computeCapability, batch });
        const second = await built(model, { computeCapability, batch });
        const { engine, build } = first.manifest;
        library = `${engine.family} ${engine.version}`;
        const same = first.bytes.equals(second.bytes) ? 'yes' : 'no';
        rows.push([
          ...what,
          first.seconds.toFixed(2),
          (engine.bytes / 1e6).toFixed(2),
          `${build.engineLayers} of ${build.networkLayers}`,
          same,
        ]);
      } catch (error) {
        if (!(error instanceof FoveateError)) throw error;
        rows.push([...what, '', '', `${error.code}: ${error.message.split('\n').slice(0, 2).join(' ').slice(0, 160)}`, '']);
      }
      console.error(rows.at(-1).join('  '));
    }
  }
}
rmSync(cache, { recursive: true });

const columns = ['model', 'GPU', 'batch', 'seconds', 'MB', 'layers of the engine, of the model', 'same bytes again'];
const text = [
  '# Engines, built without a GPU',
  '',
  `\`node bench/engines/build-all.mjs\`, ${library}, ${cpus()[0].model.trim()}, ${availableParallelism()} cores, Node ${process.version}. Seconds are those of`,
  'buildEngine as a whole: reading, recognising, the passes, the build, the bundle. Preprocessing is baked in where the model is one for pictures.',
  '',
  `| ${columns.join(' | ')} |`,
  `| ${columns.map(() => '---').join(' | ')} |`,
  ...rows.map((row) => `| ${row.join(' | ')} |`),
  '',
].join('\n');
console.log(text);
if (options.write) writeFileSync(options.write, text);
