/** Engines are built by the real TensorRT-RTX, which needs no GPU for that. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { cpSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

import { describe, expect, it } from 'vitest';

import { buildModelEngine, chooseTensorRt, readSource } from '../../lib/engine/index.js';
import { encodeModel } from '../../lib/graph/index.js';
import { buildEngine, checkEngineSupport, EngineBundle, type BuildEngineOptions } from '../../lib/index.js';
import { expectFailure, rejectionOf } from '../errors/failure.js';
import { DataType, elsewhere, graphModel, node, value } from '../graph/made-graphs.js';
import { detector, models, rtx, rtxPresent, useOwnCache } from './rtx.js';

const cache = useOwnCache();

describe.skipIf(!rtxPresent)('an engine', { timeout: 120_000 }, () => {
  it.each(readdirSync(models).filter((name) => name.endsWith('.onnx')))(
    'of %s is built for three GPUs, with a free batch',
    async (name) => {
      const output = join(cache.folder(), `${name}.bundle`);
      const built = await buildEngine(join(models, name), { ...rtx, computeCapability: [86, 89, 120], batch: 4, output });
      expect(built.notBaked).toBeUndefined();
      const { manifest, path } = built.bundle;
      expect(path).toBe(output);
      expect(manifest.engine.computeCapabilities).toEqual([86, 89, 120]);
      expect(manifest.inputs).toHaveLength(1);
      const [input] = manifest.inputs;
      expect(input?.dtype).toBe('uint8');
      expect(input?.shape[0]).toBeNull();
      expect(input?.shape.at(-1)).toBe(3);
      expect(manifest.preprocess).toMatchObject({ layout: 'nhwc', dtype: 'uint8', scale: 1 });
      expect(manifest.profiles[0]?.[0]?.max[0]).toBe(4);
      await built.bundle.verify();
      const layers = await built.bundle.layers();
      expect(layers.length).toBe(manifest.build.engineLayers);
      expect(layers.some(({ outputs }) => outputs.some(({ dtype, dims }) => dtype !== '' && dims.length === 4))).toBe(true);
      expect(cache.leftovers()).toEqual([]);
    },
  );

  it('is found the next time', async () => {
    const segmenter = join(models, 'shapes-segmenter.onnx');
    const first = await buildEngine(segmenter, { ...rtx, cache: false });
    const second = await buildEngine(segmenter, { ...rtx, cache: false });
    expect(second.fromCache).toBe(false);
    expect(second.bundle.path).toBe(first.bundle.path);
    expect((await buildEngine(segmenter, rtx)).fromCache).toBe(true);
    // What decides the bytes decides what is found.
    expect((await buildEngine(segmenter, { ...rtx, optimizationLevel: 1 })).fromCache).toBe(false);
    expect((await buildEngine(readFileSync(segmenter), rtx)).fromCache).toBe(true);
  });

  it('keeps the input of the model where that is wanted', async () => {
    const { bundle, notBaked } = await buildEngine(detector, { ...rtx, bake: false });
    expect(notBaked).toBeUndefined();
    expect(bundle.manifest.inputs[0]?.dtype).toBe('float32');
    expect(bundle.manifest.preprocess).toMatchObject({ layout: 'nchw', dtype: 'float32' });
    expect(bundle.manifest.passes).toEqual([]);
  });

  it('is built for shapes in the axes of the model, whatever axes its input has', async () => {
    const images = { min: [1, 3, 256, 256], opt: [2, 3, 256, 256], max: [3, 3, 256, 256] };
    const wanted = { ...rtx, profiles: [{ images }] };
    const { bundle } = await buildEngine(detector, wanted);
    expect(bundle.manifest.inputs[0]?.shape).toEqual([null, 256, 256, 3]);
    const ofPixels = { min: [1, 256, 256, 3], opt: [2, 256, 256, 3], max: [3, 256, 256, 3] };
    expect(bundle.manifest.profiles).toEqual([[{ input: 'images', ...ofPixels }]]);
    const asItIs = await buildEngine(detector, { ...wanted, bake: false });
    expect(asItIs.bundle.manifest.profiles).toEqual([[{ input: 'images', ...images }]]);
  });

  it('is built for pictures of several sizes', async () => {
    const model = join(cache.folder(), 'any-size.onnx');
    const nodes = [node('GlobalAveragePool', 'x', 'p'), node('Flatten', 'p', 'y')];
    const outputs = [value('y', ['n', 3])];
    writeFileSync(model, encodeModel(graphModel({ inputs: { x: ['n', 3, 'height', 'width'] }, nodes, outputs })));
    const x = { min: [1, 3, 32, 64], opt: [2, 3, 48, 96], max: [4, 3, 64, 128] };
    const bakePreprocess = { scale: 1 / 255, mean: [0, 0, 0], std: [1, 1, 1], layout: 'nchw' } as const;
    const { bundle } = await buildModelEngine(await readSource(model, undefined), {
      ...rtx,
      bakePreprocess,
      profiles: [{ x }],
    });
    const ofPixels = { min: [1, 32, 64, 3], opt: [2, 48, 96, 3], max: [4, 64, 128, 3] };
    expect(bundle.manifest.profiles).toEqual([[{ input: 'x', ...ofPixels }]]);
    const error = await rejectionOf(buildModelEngine(await readSource(model, undefined), { ...rtx, bakePreprocess }));
    expectFailure(
      error,
      'INVALID_ARGUMENT',
      /axis 2 of input "x" cannot be inferred: its shape is \[n, 3, height, width\]/,
      /--profile x=1x3x640x640,1x3x640x640,8x3x640x640/,
    );
  });

  it('of a constant in another file has that file beside its model', async () => {
    const folder = join(cache.folder(), 'external');
    mkdirSync(folder);
    const weights = elsewhere('w', 'w.bin', DataType.FLOAT);
    const nodes = [node('Constant', [], 'w', { value: { tensor: weights } }), node('Mul', ['x', 'w'], 'y')];
    writeFileSync(join(folder, 'm.onnx'), encodeModel(graphModel({ inputs: { x: [1, 2] }, nodes })));
    writeFileSync(join(folder, 'w.bin'), Float32Array.of(2, 3));
    const first = await buildModelEngine(await readSource(join(folder, 'm.onnx'), undefined), rtx);
    expect(readFileSync(join(first.bundle.path, 'w.bin'))).toEqual(readFileSync(join(folder, 'w.bin')));
    writeFileSync(join(folder, 'w.bin'), Float32Array.of(4, 5));
    const second = await buildModelEngine(await readSource(join(folder, 'm.onnx'), undefined), rtx);
    expect(second.bundle.manifest.engine.sha256).not.toBe(first.bundle.manifest.engine.sha256);
  });

  it('at a place of its own is said to be of the model that was given', async () => {
    const output = join(cache.folder(), 'named.bundle');
    const renamed = join(cache.folder(), 'renamed.onnx');
    cpSync(detector, renamed);
    const first = await buildEngine(detector, { ...rtx, output });
    const second = await buildEngine(renamed, { ...rtx, output });
    expect(second.fromCache).toBe(true);
    expect(second.bundle.manifest).toEqual({
      ...first.bundle.manifest,
      model: { ...first.bundle.manifest.model, source: 'renamed.onnx' },
    });
    expect((await EngineBundle.open(output)).manifest.model.source).toBe('renamed.onnx');
    expect((await buildEngine(renamed, rtx)).bundle.manifest.model.source).toBe('shapes-detector.onnx');
  });

  it('is not put in the place of other files, which is told before it is built', async () => {
    const output = join(cache.folder(), 'documents');
    mkdirSync(output);
    writeFileSync(join(output, 'letter.txt'), 'Dear');
    const phases: string[] = [];
    const onProgress = ({ phase }: { phase: string }): number => phases.push(phase);
    const error = await rejectionOf(buildEngine(detector, { ...rtx, cache: false, output, onProgress }));
    expectFailure(error, 'OUTPUT_NOT_WRITABLE', /is not an engine bundle, or holds other files too/);
    expect(phases).toEqual(['Reading the model']);
    expect(readdirSync(output)).toEqual(['letter.txt']);
  });

  it('tells how far it is, and what the library logs', async () => {
    const fractions: number[] = [];
    const lines: string[] = [];
    await buildEngine(detector, {
      ...rtx,
      cache: false,
      onProgress: ({ fraction }) => fractions.push(fraction),
      onLog: ({ level, message }) => lines.push(`${level}: ${message}`),
    });
    expect(fractions.length).toBeGreaterThan(20);
    expect(fractions).toEqual([...fractions].sort((a, b) => a - b));
    expect(fractions.at(-2)).toBeGreaterThan(0.8);
    expect(fractions.at(-1)).toBe(1);
    expect(lines.length).toBeGreaterThan(10);
  });

  it.each([1, 5, 40])('is abandoned at the %i. sign of progress, and leaves nothing behind', async (sign) => {
    const stop = new AbortController();
    let signs = 0;
    const onProgress = (): void => {
      if (++signs === sign) stop.abort(new Error('enough'));
    };
    const error = await rejectionOf(buildEngine(detector, { ...rtx, cache: false, tf32: true, signal: stop.signal, onProgress }));
    expect(error).toMatchObject({ code: 'ABORTED' });
    expect(error.cause).toMatchObject({ message: 'enough' });
    expect(cache.leftovers()).toEqual([]);
    await (await buildEngine(detector, { ...rtx, cache: false, tf32: true })).bundle.verify();
  });

  it('is abandoned where a listener throws', async () => {
    const fault = new Error('a fault of the caller');
    const onProgress = ({ fraction }: { fraction: number }): void => {
      if (fraction > 0) throw fault;
    };
    await expect(buildEngine(detector, { ...rtx, cache: false, onProgress })).rejects.toBe(fault);
    expect(cache.leftovers()).toEqual([]);
  });

  it('is not built for a GPU that is not there', async ({ skip }) => {
    const { runObstacle } = await chooseTensorRt('tensorrt-rtx');
    if (runObstacle === undefined) skip('there is one');
    const error = await rejectionOf(buildEngine(detector, { device: 'tensorrt-rtx' }));
    expectFailure(
      error,
      'INVALID_ARGUMENT',
      /Expected computeCapability, because this machine has no GPU/,
      /computeCapability, as in 89/,
    );
  });

  it('is refused for what is wrong, with the reason', async () => {
    const refusal = async (more: Partial<BuildEngineOptions>): Promise<string> => {
      const error = await rejectionOf(buildEngine(detector, { ...rtx, cache: false, ...more }));
      return `${error.code}: ${error.message}`;
    };
    expect(await refusal({ computeCapability: 90 })).toMatch(/INVALID_ARGUMENT: The compute capability 90 is refused/);
    expect(await refusal({ pluginLibraries: ['./ops.so'] })).toMatch(/NOT_TRUSTED: Plugin libraries are code that is run/);
    expect(await refusal({ pluginLibraries: ['./ops.so'], trust: true })).toMatch(/"[^"]*ops\.so" cannot be loaded/);
    expect(await refusal({ workspaceBytes: 1024 })).toMatch(/ENGINE_FAILED: The engine could not be built: ./);
    expect(await refusal({ profiles: [{ pictures: [1, 3, 256, 256] }] })).toMatch(
      /INVALID_ARGUMENT: The model has no input "pictures"/,
    );
    expect(await refusal({ device: 'tensorrt' })).toMatch(/BACKEND_NOT_FOUND: No TensorRT library that fits 'tensorrt'/);
    expect(await refusal({ device: 'tensorrt-rtx@99' })).toMatch(/BACKEND_NOT_FOUND/);
    expect(await refusal({ dlacore: 1 } as never)).toMatch(/UNKNOWN_OPTION/);
    expect(await refusal({ profiles: { images: [1] } } as never)).toMatch(/INVALID_ARGUMENT: Expected an array for profiles/);
    expect(await refusal({ onProgress: 5 } as never)).toMatch(/INVALID_ARGUMENT: Expected a function for onProgress/);
    expect(await refusal({ tf32: 'yes' } as never)).toMatch(/INVALID_ARGUMENT: Expected true or false for tf32/);
    const inEnginesAxes = await rejectionOf(buildEngine(detector, { ...rtx, profiles: [{ images: [1, 256, 256, 3] }] }));
    expectFailure(
      inEnginesAxes,
      'INVALID_ARGUMENT',
      /Axis 1 of input "images" is fixed to 3 in the model, but the min of the profile has 256/,
      /The model declares \[batch, 3, 256, 256\]: give its shapes in this order/,
    );
    const hintFor = async (more: Partial<BuildEngineOptions>): Promise<string | undefined> =>
      (await rejectionOf(buildEngine(detector, { ...rtx, cache: false, ...more }))).hint;
    expect(await hintFor({ profiles: [{ pictures: [1, 3, 256, 256] }] })).toBe('Its inputs are "images".');
    expect(await refusal({ profiles: [{ images: null }] } as never)).toMatch(/Expected a shape, or \{ min, opt, max \}/);
    expect(await hintFor({ workspaceBytes: 1024 })).toMatch(/more memory than the 1024 bytes of option workspaceBytes/);
    for (const more of [{ precision: 'fp16' }, { versionCompatible: true }, { dlaCore: 0 }] as const) {
      expect(await refusal(more)).toMatch(
        /^INVALID_ARGUMENT: Expected option \w+ for (TensorRT 8|tensorrt) only, but the library is tensorrt-rtx [\d.]+$/,
      );
    }
    expect(cache.leftovers()).toEqual([]);
  });

  it('of a worker that ends in mid-build ends with it', async () => {
    const script = `
      import { Worker } from 'node:worker_threads';
      const worker = new Worker(\`
        import(${JSON.stringify(new URL('../../dist/index.js', import.meta.url).href)}).then(async ({ buildEngine }) => {
          let lines = 0;
          await buildEngine(${JSON.stringify(detector)}, { device: 'tensorrt-rtx', computeCapability: 120, cache: false, onLog: () => {
            // What comes meanwhile is heard in one go, the end of the build with it.
            if (++lines === 1) Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 2500);
            if (lines === 2) process.exit(3);
          } });
        });\`, { eval: true });
      worker.on('exit', (code) => console.log('worker', code));`;
    const env = { ...process.env, FOVEATE_CACHE_DIR: join(cache.folder(), 'worker') };
    const child = spawn(process.execPath, ['--input-type=module', '-e', script], { stdio: ['ignore', 'pipe', 'inherit'], env });
    let output = '';
    child.stdout.on('data', (text: Buffer) => (output += String(text)));
    const [code, signal] = (await once(child, 'close')) as [number | null, string | null];
    expect([code, signal, output]).toEqual([0, null, 'worker 3\n']);
  });
});

describe.skipIf(!rtxPresent)('the support of a model', { timeout: 120_000 }, () => {
  it('is told operator by operator', async () => {
    const report = await checkEngineSupport(detector, { device: 'tensorrt-rtx' });
    expect(report).toMatchObject({ supported: true, faults: [] });
    expect(report.library).toMatch(/^tensorrt-rtx \d/);
    expect(report.operators.find(({ op }) => op === 'Conv')?.supported).toBeGreaterThan(0);
  });
});
