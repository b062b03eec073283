/** Engines that were built before: by the real TensorRT-RTX, which needs no GPU for that. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { cpSync, mkdirSync, readdirSync, readFileSync, rmSync, statSync, truncateSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

import { describe, expect, it } from 'vitest';

import { buildEngine } from '../../lib/index.js';
import { expectFailure, rejectionOf } from '../errors/failure.js';
import { flipBit } from './made-bundle.js';
import { detector, models, rtx, rtxPresent, segmenter, useOwnCache } from './rtx.js';

const cache = useOwnCache();

describe.skipIf(!rtxPresent)('an engine in the cache', { timeout: 120_000 }, () => {
  it('is found the next time, unless something differs that decides its bytes', async () => {
    const built = await buildEngine(segmenter, rtx);
    expect(built.fromCache).toBe(false);
    expect(await buildEngine(segmenter, rtx)).toEqual({ ...built, fromCache: true });
    expect((await buildEngine(readFileSync(segmenter), rtx)).fromCache).toBe(true);
    for (const other of [{ optimizationLevel: 1 }, { computeCapability: 86 }, { batch: 2 }, { bake: false }]) {
      expect(await buildEngine(segmenter, { ...rtx, ...other }), JSON.stringify(other)).toMatchObject({ fromCache: false });
    }
  });

  it('is built again where that is wanted, and takes the place of the other', async () => {
    const { bundle } = await buildEngine(segmenter, rtx);
    const plan = join(bundle.path, bundle.manifest.engine.file);
    const before = statSync(plan).ino;
    expect((await buildEngine(segmenter, { ...rtx, cache: false })).bundle.path).toBe(bundle.path);
    expect(statSync(plan).ino).not.toBe(before);
    expect(cache.leftovers()).toEqual([]);
  });

  it('is found without opening the model in an engine, as long as nothing beside it has changed', async () => {
    const folder = join(cache.folder(), 'beside');
    mkdirSync(folder);
    const model = join(folder, 'classifier.onnx');
    cpSync(join(models, 'shapes-classifier.onnx'), model);
    const recognized = (): string[] => readdirSync(join(cache.folder(), 'recognized'));
    const first = await buildEngine(model, rtx);
    const known = recognized();
    const again = await buildEngine(model, rtx);
    expect(again).toEqual({ ...first, fromCache: true });
    expect(recognized()).toEqual(known);
    // What is kept cannot be read, or cannot be right any more: it is recognised anew.
    for (const name of known) writeFileSync(join(cache.folder(), 'recognized', name), '{"baked":');
    expect(await buildEngine(model, rtx)).toEqual(again);
    const processor = { image_processor_type: 'ViTImageProcessor', size: { height: 96, width: 96 }, image_mean: [0.5, 0.5, 0.5] };
    writeFileSync(join(folder, 'preprocessor_config.json'), JSON.stringify(processor));
    const described = await buildEngine(model, rtx);
    expect(described.fromCache).toBe(false);
    expect(described.bundle.manifest.passes).toMatchObject([{ values: { mean: [0.5, 0.5, 0.5] } }]);
    const labels = join(folder, 'labels.txt');
    for (const last of ['six', 'seven']) {
      writeFileSync(labels, ['one', 'two', 'three', 'four', 'five', last].join('\n'));
      expect((await buildEngine(model, { ...rtx, labels })).bundle.manifest.labels?.at(-1)).toBe(last);
    }
    expect((await buildEngine(model, { ...rtx, preprocess: { scale: 1 } })).bundle.manifest.passes).toMatchObject([
      { pass: 'bake-preprocess', values: { scale: 1 } },
    ]);
  });

  it('is built once where several want it at the same time', async () => {
    const wanted = { ...rtx, auxiliaryStreams: 2 };
    const results = await Promise.all([1, 2, 3].map(() => buildEngine(detector, wanted)));
    expect(results.filter(({ fromCache }) => !fromCache)).toHaveLength(1);
    expect(cache.leftovers()).toEqual([]);
  });

  it('is built again where the one in the cache is damaged', async () => {
    const { bundle } = await buildEngine(detector, rtx);
    const plan = join(bundle.path, bundle.manifest.engine.file);
    const damages = [() => flipBit(plan), () => truncateSync(plan, 100), () => rmSync(join(bundle.path, 'manifest.json'))];
    for (const damage of damages) {
      damage();
      expect((await buildEngine(detector, rtx)).fromCache, String(damage)).toBe(false);
      expect((await buildEngine(detector, rtx)).fromCache).toBe(true);
    }
  });

  it.each([
    ['a file', detector],
    ['a folder that the system does not make', '/proc/foveate/cache'],
  ])('needs a cache that can be written to, not %s', async (_, place) => {
    const before = process.env['FOVEATE_CACHE_DIR'];
    process.env['FOVEATE_CACHE_DIR'] = place;
    try {
      expectFailure(
        await rejectionOf(buildEngine(detector, rtx)),
        'OUTPUT_NOT_WRITABLE',
        /Cannot write to foveate's cache/,
        /FOVEATE_CACHE_DIR/,
      );
    } finally {
      process.env['FOVEATE_CACHE_DIR'] = before;
    }
  });

  it('that a killed process left unfinished is built by the next', async () => {
    const script = `
      import { buildEngine } from ${JSON.stringify(new URL('../../dist/index.js', import.meta.url).href)};
      await buildEngine(${JSON.stringify(detector)}, { device: 'tensorrt-rtx', computeCapability: 86, onProgress: ({ fraction }) => {
        if (fraction > 0) process.kill(process.pid, 'SIGKILL');
      } });`;
    const child = spawn(process.execPath, ['--input-type=module', '-e', script], { stdio: 'inherit' });
    const [, signal] = (await once(child, 'exit')) as [number | null, string | null];
    expect(signal).toBe('SIGKILL');
    expect(cache.leftovers().some((name) => name.endsWith('.lock'))).toBe(true);
    const { fromCache, bundle } = await buildEngine(detector, { ...rtx, computeCapability: 86 });
    expect(fromCache).toBe(false);
    expect(statSync(join(bundle.path, 'engine.plan')).size).toBe(bundle.manifest.engine.bytes);
    expect(cache.leftovers()).toEqual([]);
  });
});
