/** `foveate build`, with the real TensorRT-RTX. */
import { copyFileSync, existsSync, readdirSync } from 'node:fs';
import { join } from 'node:path';

import { describe, expect, it } from 'vitest';

import { parseBytes, parseProfile } from '../../lib/cli/build-options.js';
import { rtxPresent } from '../engine/rtx.js';
import { foveate, models, projectRoot, temporaryFolder } from './foveate.js';

const folder = temporaryFolder();
const env = { FOVEATE_CACHE_DIR: join(folder, 'cache') };
const engines = join(env.FOVEATE_CACHE_DIR, 'engines');
const forGpu = ['--compute-capability', '8.9'];

describe('the flags of build', () => {
  it('hold shapes', () => {
    const shape = (size: number): number[] => [1, 3, size, size];
    expect(parseProfile('images=1x3x320x320,1x3x640x640,1x3x960x960')).toEqual({
      images: { min: shape(320), opt: shape(640), max: shape(960) },
    });
    expect(parseProfile('a=1x3x320x320;b:0=4')).toEqual({
      a: { min: shape(320), opt: shape(320), max: shape(320) },
      'b:0': { min: [4], opt: [4], max: [4] },
    });
    for (const text of ['', 'images', '=1x3', 'images=', 'images=1x', 'images=1x3,1x3', 'images=axb']) {
      expect(() => parseProfile(text), text).toThrow(/Expected/);
    }
  });

  it('hold sizes', () => {
    expect(['512', '4K', '512M', '1.5G', '2GiB', '2gb'].map(parseBytes)).toEqual([
      512,
      4096,
      512 * 2 ** 20,
      1.5 * 2 ** 30,
      2 ** 31,
      2 ** 31,
    ]);
    for (const text of ['', 'G', '2T', '-1', '1e3']) expect(() => parseBytes(text), text).toThrow(/Expected a size/);
  });
});

describe.skipIf(!rtxPresent)('foveate build', { timeout: 120_000 }, () => {
  it('builds a bundle, finds it again, and inspect prints it', async () => {
    const bundle = join(folder, 'detector.bundle');
    const first = await foveate(['build', models.detector, ...forGpu, '--batch', '1,2,4', '-o', bundle], { env });
    expect(first.code, first.stderr).toBe(0);
    expect(first.stdout).toContain('for      compute capability 8.9');
    expect(first.stdout).toContain('input    images  uint8 [?, 256, 256, 3]');
    expect(first.stdout).toMatch(/profile {2}images: \[1, 256, 256, 3\] to \[4, 256, 256, 3\], fast at \[2, 256, 256, 3\]/);
    expect(first.stdout).toMatch(/Built in [\d.]+ s\.\n$/);
    expect(readdirSync(bundle).sort()).toEqual(['engine.plan', 'layers.json', 'manifest.json', 'model.onnx']);

    const second = await foveate(['build', models.detector, ...forGpu, '--batch', '1,2,4', '--json'], { env });
    expect(JSON.parse(second.stdout)).toMatchObject({ fromCache: true, manifest: { engine: { computeCapabilities: [89] } } });

    const renamed = join(folder, 'renamed.onnx');
    copyFileSync(models.detector, renamed);
    const third = await foveate(['build', renamed, ...forGpu, '--batch', '1,2,4'], { env });
    expect(third.stdout).toMatch(/ {2}engine of renamed\.onnx\n[^]*Taken from the cache/);

    const inspected = await foveate(['inspect', bundle], { env });
    expect(inspected.code).toBe(0);
    expect(inspected.stdout).toMatch(/Layers\n +0 {2}/);
  });

  it('tells what is supported', async () => {
    const { code, stdout } = await foveate(['build', models.classifier, '--check'], { env });
    expect(code).toBe(0);
    expect(stdout).toMatch(/^shapes-classifier\.onnx on tensorrt-rtx \S+: all operators are supported\n/);
    expect(stdout).toMatch(/ {2}Conv +\d+ {2}supported\n/);
  });

  it('tells what is not supported, in its own words and once', async () => {
    const model = join(projectRoot, 'tests/native/fixtures/unknown_operator.onnx');
    const checked = await foveate(['build', model, '--check'], { env });
    expect(checked.code).toBe(4);
    expect(checked.stdout).toMatch(/^unknown_operator\.onnx on tensorrt-rtx \S+: not supported as a whole\n/);
    expect(checked.stdout).toMatch(/\n {2}Frobnicate +1 {2}1 not supported\n/);
    expect(checked.stdout).toMatch(/\n {2}Frobnicate: the operator is not known, and no plugin has its name( \(.*\))?\n$/);

    const args = ['build', model, ...forGpu, '--no-bake'];
    const { code, stderr } = await foveate(args, { env });
    expect(code).toBe(4);
    expect(stderr).toMatch(
      /^error: TensorRT's parser refuses the model:\n.*\(Frobnicate\): .* \[MODEL_UNSUPPORTED\]\nhint: .*\n$/,
    );
    expect((await foveate([...args, '--verbose'], { env })).stderr).toMatch(/^error: .*While parsing node/m);
  });

  it('ends on Ctrl-C in mid-build, and leaves nothing behind', async () => {
    const started = (): boolean => existsSync(engines) && readdirSync(engines).some((name) => name.endsWith('.lock'));
    const args = ['build', models.detector, '--compute-capability', '86,89,120,121', '--no-cache'];
    const { code, stderr } = await foveate(args, { env, kill: { when: started, signal: 'SIGINT' } });
    expect(code, stderr).toBe(130);
    expect(readdirSync(engines).filter((name) => !/^[0-9a-f]{32}$/.test(name))).toEqual([]);
  });

  it('builds once where two want the same', async () => {
    const args = ['build', models.segmenter, ...forGpu, '--json'];
    const results = await Promise.all([foveate(args, { env }), foveate(args, { env })]);
    const fromCache = results.map(({ stdout }) => (JSON.parse(stdout) as { fromCache: boolean }).fromCache);
    expect(fromCache.sort()).toEqual([false, true]);
  });

  it('refuses what cannot be, in the words of its flags', async () => {
    const failure = async (...args: string[]): Promise<string> => {
      const { code, stderr } = await foveate(['build', models.detector, ...args], { env });
      expect(code).not.toBe(0);
      return stderr;
    };
    expect(await failure(...forGpu, '--plugin', 'ops.so')).toMatch(/\[NOT_TRUSTED\]/);
    expect(await failure(...forGpu, '--device', 'tensorrt@11')).toMatch(/\[BACKEND_NOT_FOUND\]/);
    expect(await failure(...forGpu, '--batch', '4,2,1')).toMatch(
      /a number of pictures, .* for --batch but received \{ min: 4, opt: 2, max: 1 \}/,
    );
    expect(await failure(...forGpu, '--profile', 'images=1x256x256x3')).toMatch(
      /Axis 1 of input "images" is fixed to 3 .*\nhint: The model declares \[batch, 3, 256, 256\]/,
    );
    expect(await failure(...forGpu, '--workspace', 'much')).toMatch(/Expected a size such as 512M or 2G/);
    expect(await failure('--compute-capability', '90')).toMatch(/compute capability 90 is refused/);
  });
});
