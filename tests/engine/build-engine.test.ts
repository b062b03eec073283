/** Engines are built by the real TensorRT-RTX, which needs no GPU for that. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { cpSync, existsSync, mkdirSync, readdirSync, readFileSync, statSync, truncateSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

import { describe, expect, it } from 'vitest';

import { buildModelEngine, chooseTensorRt, readSource } from '../../lib/engine/index.js';
import { encodeModel } from '../../lib/graph/index.js';
import { buildEngine, checkEngineSupport, EngineBundle, type BuildEngineOptions } from '../../lib/index.js';
import { expectFailure, rejectionOf } from '../errors/failure.js';
import { DataType, elsewhere, graphModel, node, value } from '../graph/made-graphs.js';
import { rtxPresent, useOwnCache } from './rtx.js';

const cache = useOwnCache();
const models = fileURLToPath(new URL('../../examples/models/', import.meta.url));
const detector = join(models, 'shapes-detector.onnx');
const options = { device: 'tensorrt-rtx', computeCapability: 89 } as const;

/** What the cache holds beside whole engines. */
const leftovers = (): string[] => {
  const folder = join(cache.folder(), 'engines');
  return existsSync(folder) ? readdirSync(folder).filter((name) => !/^[0-9a-f]{32}$/.test(name)) : [];
};

describe.skipIf(!rtxPresent)('an engine', { timeout: 120_000 }, () => {
  it.each(readdirSync(models).filter((name) => name.endsWith('.onnx')))(
    'of %s is built for three GPUs, with a free batch',
    async (name) => {
      const output = join(cache.folder(), `${name}.bundle`);
      const built = await buildEngine(join(models, name), { ...options, computeCapability: [86, 89, 120], batch: 4, output });
      expect(built.fromCache).toBe(false);
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
      expect(leftovers()).toEqual([]);
    },
  );

  it('is found the next time', async () => {
    const segmenter = join(models, 'shapes-segmenter.onnx');
    const first = await buildEngine(segmenter, { ...options, cache: false });
    const second = await buildEngine(segmenter, { ...options, cache: false });
    expect(second.fromCache).toBe(false);
    expect(second.bundle.path).toBe(first.bundle.path);
    expect((await buildEngine(segmenter, options)).fromCache).toBe(true);
    // What decides the bytes decides what is found.
    expect((await buildEngine(segmenter, { ...options, optimizationLevel: 1 })).fromCache).toBe(false);
    expect((await buildEngine(readFileSync(segmenter), options)).fromCache).toBe(true);
  });

  it('is found without opening the model in an engine, as long as nothing beside it has changed', async () => {
    const folder = join(cache.folder(), 'beside');
    mkdirSync(folder);
    const model = join(folder, 'classifier.onnx');
    cpSync(join(models, 'shapes-classifier.onnx'), model);
    const recognized = (): string[] => readdirSync(join(cache.folder(), 'recognized'));
    const first = await buildEngine(model, options);
    const known = recognized();
    const again = await buildEngine(model, options);
    expect(again).toEqual({ ...first, fromCache: true });
    expect(recognized()).toEqual(known);
    // What is kept cannot be read, or cannot be right any more: it is recognised anew.
    for (const name of known) writeFileSync(join(cache.folder(), 'recognized', name), '{"baked":');
    expect(await buildEngine(model, options)).toEqual(again);
    const processor = { image_processor_type: 'ViTImageProcessor', size: { height: 96, width: 96 }, image_mean: [0.5, 0.5, 0.5] };
    writeFileSync(join(folder, 'preprocessor_config.json'), JSON.stringify(processor));
    const described = await buildEngine(model, options);
    expect(described.fromCache).toBe(false);
    expect(described.bundle.manifest.passes).toMatchObject([{ values: { mean: [0.5, 0.5, 0.5] } }]);
    const labels = join(folder, 'labels.txt');
    for (const last of ['six', 'seven']) {
      writeFileSync(labels, ['one', 'two', 'three', 'four', 'five', last].join('\n'));
      expect((await buildEngine(model, { ...options, labels })).bundle.manifest.labels?.at(-1)).toBe(last);
    }
    expect((await buildEngine(model, { ...options, preprocess: { scale: 1 } })).bundle.manifest.passes).toMatchObject([
      { pass: 'bake-preprocess', values: { scale: 1 } },
    ]);
  });

  it('keeps the input of the model where that is wanted', async () => {
    const { bundle, notBaked } = await buildEngine(detector, { ...options, bake: false });
    expect(notBaked).toBeUndefined();
    expect(bundle.manifest.inputs[0]?.dtype).toBe('float32');
    expect(bundle.manifest.preprocess).toMatchObject({ layout: 'nchw', dtype: 'float32' });
    expect(bundle.manifest.passes).toEqual([]);
  });

  it('is built for shapes in the axes of the model, whatever axes its input has', async () => {
    const images = { min: [1, 3, 256, 256], opt: [2, 3, 256, 256], max: [3, 3, 256, 256] };
    const wanted = { ...options, profiles: [{ images }] };
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
      ...options,
      bakePreprocess,
      profiles: [{ x }],
    });
    const ofPixels = { min: [1, 32, 64, 3], opt: [2, 48, 96, 3], max: [4, 64, 128, 3] };
    expect(bundle.manifest.profiles).toEqual([[{ input: 'x', ...ofPixels }]]);
    const error = await rejectionOf(buildModelEngine(await readSource(model, undefined), { ...options, bakePreprocess }));
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
    const first = await buildModelEngine(await readSource(join(folder, 'm.onnx'), undefined), options);
    expect(readFileSync(join(first.bundle.path, 'w.bin'))).toEqual(readFileSync(join(folder, 'w.bin')));
    writeFileSync(join(folder, 'w.bin'), Float32Array.of(4, 5));
    const second = await buildModelEngine(await readSource(join(folder, 'm.onnx'), undefined), options);
    expect(second.fromCache).toBe(false);
    expect(second.bundle.manifest.engine.sha256).not.toBe(first.bundle.manifest.engine.sha256);
  });

  it('at a place of its own is said to be of the model that was given', async () => {
    const output = join(cache.folder(), 'named.bundle');
    const renamed = join(cache.folder(), 'renamed.onnx');
    cpSync(detector, renamed);
    const first = await buildEngine(detector, { ...options, output });
    const second = await buildEngine(renamed, { ...options, output });
    expect(second.fromCache).toBe(true);
    expect(second.bundle.manifest).toEqual({
      ...first.bundle.manifest,
      model: { ...first.bundle.manifest.model, source: 'renamed.onnx' },
    });
    expect((await EngineBundle.open(output)).manifest.model.source).toBe('renamed.onnx');
    expect((await buildEngine(renamed, options)).bundle.manifest.model.source).toBe('shapes-detector.onnx');
  });

  it('tells how far it is, and what the library logs', async () => {
    const fractions: number[] = [];
    const lines: string[] = [];
    await buildEngine(detector, {
      ...options,
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
    const error = await rejectionOf(
      buildEngine(detector, { ...options, cache: false, tf32: true, signal: stop.signal, onProgress }),
    );
    expect(error).toMatchObject({ code: 'ABORTED' });
    expect(error.cause).toMatchObject({ message: 'enough' });
    expect(leftovers()).toEqual([]);
    expect((await buildEngine(detector, { ...options, tf32: true, cache: false })).fromCache).toBe(false);
  });

  it('is abandoned where a listener throws', async () => {
    const fault = new Error('a fault of the caller');
    const onProgress = ({ fraction }: { fraction: number }): void => {
      if (fraction > 0) throw fault;
    };
    await expect(buildEngine(detector, { ...options, cache: false, onProgress })).rejects.toBe(fault);
    expect(leftovers()).toEqual([]);
  });

  it('is built once where several want it', async () => {
    const wanted = { ...options, auxiliaryStreams: 2 };
    const results = await Promise.all([1, 2, 3].map(() => buildEngine(detector, wanted)));
    expect(results.filter(({ fromCache }) => !fromCache)).toHaveLength(1);
    expect(leftovers()).toEqual([]);
  });

  it('is built again where the one in the cache is damaged', async () => {
    const { bundle } = await buildEngine(detector, options);
    const plan = join(bundle.path, bundle.manifest.engine.file);
    const bytes = readFileSync(plan);
    bytes[500] = (bytes[500] as number) ^ 1;
    writeFileSync(plan, bytes);
    expect((await buildEngine(detector, options)).fromCache).toBe(false);
    truncateSync(plan, 100);
    const error = await rejectionOf(EngineBundle.open(bundle.path));
    expect(error).toMatchObject({ code: 'ENGINE_INVALID' });
    expect(error.message).toMatch(/engine\.plan .* is damaged: expected \d+ bytes, received 100/);
    expect((await buildEngine(detector, options)).fromCache).toBe(false);
    expect((await buildEngine(detector, options)).fromCache).toBe(true);
  });

  it.each([
    ['a letter', 'letter.txt', 'Dear'],
    ['the manifest of something else', 'manifest.json', '{"name":"my app"}'],
  ])('takes the place of no folder with %s', async (_, name, text) => {
    const output = join(cache.folder(), 'documents', name);
    mkdirSync(output, { recursive: true });
    writeFileSync(join(output, name), text);
    const error = await rejectionOf(buildEngine(detector, { ...options, output }));
    expectFailure(error, 'OUTPUT_NOT_WRITABLE', /is not an engine bundle, or holds other files too/);
    expect(readdirSync(output)).toEqual([name]);
    expect(readFileSync(join(output, name), 'utf8')).toBe(text);
    expect((await rejectionOf(buildEngine(detector, { ...options, output: join(output, name) }))).message).toMatch(
      /a file is in the way/,
    );
  });

  it('takes the place of a bundle, also of a damaged one, but not of files that were put into it', async () => {
    const output = join(cache.folder(), 'place.bundle');
    const { bundle } = await buildEngine(detector, { ...options, output });
    const plan = join(output, 'engine.plan');
    const bytes = readFileSync(plan);
    bytes[500] = (bytes[500] as number) ^ 1;
    writeFileSync(plan, bytes);
    await (await buildEngine(detector, { ...options, output })).bundle.verify();
    const other = await buildEngine(join(models, 'shapes-segmenter.onnx'), { ...options, output });
    expect(other.bundle.manifest.key).not.toBe(bundle.manifest.key);
    writeFileSync(join(output, 'notes.txt'), 'mine');
    expectFailure(
      await rejectionOf(buildEngine(detector, { ...options, output })),
      'OUTPUT_NOT_WRITABLE',
      /holds other files too/,
    );
    expect(readFileSync(join(output, 'notes.txt'), 'utf8')).toBe('mine');
  });

  it('is not built for a GPU that is not there', async () => {
    const { runObstacle } = await chooseTensorRt('tensorrt-rtx');
    if (runObstacle === undefined) return; // there is one
    const error = await rejectionOf(buildEngine(detector, { device: 'tensorrt-rtx' }));
    expectFailure(
      error,
      'INVALID_ARGUMENT',
      /Expected computeCapability, because this machine has no GPU/,
      /computeCapability, as in 89/,
    );
  });

  it.each([
    ['a file', detector],
    ['a folder that the system does not make', '/proc/foveate/cache'],
  ])('needs a cache that can be written to, not %s', async (_, place) => {
    const before = process.env['FOVEATE_CACHE_DIR'];
    process.env['FOVEATE_CACHE_DIR'] = place;
    try {
      expectFailure(
        await rejectionOf(buildEngine(detector, options)),
        'OUTPUT_NOT_WRITABLE',
        /Cannot write to foveate's cache/,
        /FOVEATE_CACHE_DIR/,
      );
    } finally {
      process.env['FOVEATE_CACHE_DIR'] = before;
    }
  });

  it('is refused for what is wrong, with the reason', async () => {
    const refusal = async (more: Partial<BuildEngineOptions>): Promise<string> => {
      const error = await rejectionOf(buildEngine(detector, { ...options, cache: false, ...more }));
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
    const inEnginesAxes = await rejectionOf(buildEngine(detector, { ...options, profiles: [{ images: [1, 256, 256, 3] }] }));
    expectFailure(
      inEnginesAxes,
      'INVALID_ARGUMENT',
      /Axis 1 of input "images" is fixed to 3 in the model, but the min of the profile has 256/,
      /The model declares \[batch, 3, 256, 256\]: give its shapes in this order/,
    );
    const hintFor = async (more: Partial<BuildEngineOptions>): Promise<string | undefined> =>
      (await rejectionOf(buildEngine(detector, { ...options, cache: false, ...more }))).hint;
    expect(await hintFor({ profiles: [{ pictures: [1, 3, 256, 256] }] })).toBe('Its inputs are "images".');
    expect(await refusal({ profiles: [{ images: null }] } as never)).toMatch(/Expected a shape, or \{ min, opt, max \}/);
    expect(await hintFor({ workspaceBytes: 1024 })).toMatch(/more memory than the 1024 bytes of option workspaceBytes/);
    for (const more of [{ precision: 'fp16' }, { versionCompatible: true }, { dlaCore: 0 }] as const) {
      expect(await refusal(more)).toMatch(
        /^INVALID_ARGUMENT: Expected option \w+ for (TensorRT 8|tensorrt) only, but the library is tensorrt-rtx [\d.]+$/,
      );
    }
    expect(leftovers()).toEqual([]);
  });

  it('is told from one of another library', async () => {
    const { bundle } = await buildEngine(detector, options);
    expect(bundle.incompatibility({ family: 'tensorrt-rtx', version: bundle.manifest.engine.version })).toBeUndefined();
    expect(bundle.incompatibility({ family: 'tensorrt-rtx', version: '1.6.0' })).toMatch(
      /was built by tensorrt-rtx .*, the library is 1\.6\.0/,
    );
    expect(bundle.incompatibility({ family: 'tensorrt', version: '10.15.1' })).toMatch(/which tensorrt 10\.15\.1 cannot read/);
  });

  it('is told from one for another GPU', async () => {
    const { bundle } = await buildEngine(detector, { ...options, computeCapability: [86, 89] });
    const { family, version } = bundle.manifest.engine;
    const on = (of: EngineBundle, computeCapability: number): string | undefined =>
      of.incompatibility({ family, version, gpu: { name: 'NVIDIA X', computeCapability } });
    expect(on(bundle, 89)).toBeUndefined();
    expect(on(bundle, 90)).toBe('it was built for compute capability 8.6, 8.9, the GPU of this machine is NVIDIA X, 9.0');
    const copy = join(cache.folder(), 'built-on.bundle');
    cpSync(bundle.path, copy, { recursive: true });
    const builtOn = async (hardwareCompatibility: string): Promise<EngineBundle> => {
      const manifest = JSON.parse(readFileSync(join(bundle.path, 'manifest.json'), 'utf8')) as { engine: object };
      const gpu = { name: 'NVIDIA Y', computeCapability: 75 };
      Object.assign(manifest.engine, { computeCapabilities: [], gpu, hardwareCompatibility });
      writeFileSync(join(copy, 'manifest.json'), JSON.stringify(manifest));
      return EngineBundle.open(copy);
    };
    expect(on(await builtOn('none'), 75)).toBeUndefined();
    expect(on(await builtOn('none'), 80)).toBe('it was built on NVIDIA Y, 7.5, the GPU of this machine is NVIDIA X, 8.0');
    expect(on(await builtOn('same-compute-capability'), 80)).toMatch(/it was built on NVIDIA Y/);
    expect(on(await builtOn('ampere-plus'), 80)).toBeUndefined();
    expect(on(await builtOn('ampere-plus'), 70)).toMatch(/it was built on NVIDIA Y/);
  });

  it('of a bundle whose manifest lies is refused', async () => {
    const { bundle } = await buildEngine(detector, options);
    const copy = join(cache.folder(), 'copy.bundle');
    cpSync(bundle.path, copy, { recursive: true });
    const edit = (change: (manifest: Record<string, unknown>) => void): void => {
      const manifest = JSON.parse(readFileSync(join(bundle.path, 'manifest.json'), 'utf8')) as Record<string, unknown>;
      change(manifest);
      writeFileSync(join(copy, 'manifest.json'), JSON.stringify(manifest));
    };
    edit((manifest) => ((manifest['engine'] as { file: string }).file = '../../secret'));
    expect((await rejectionOf(EngineBundle.open(copy))).message).toMatch(/lies outside the bundle/);
    edit((manifest) => (manifest['format'] = 2));
    expect((await rejectionOf(EngineBundle.open(copy))).message).toMatch(/has format 2, this version of foveate reads format 1/);
    edit((manifest) => delete manifest['layers']);
    expect((await rejectionOf(EngineBundle.open(copy))).message).toMatch(/lacks entries/);
    writeFileSync(join(copy, 'manifest.json'), '{');
    expect((await rejectionOf(EngineBundle.open(copy))).message).toMatch(/is no JSON/);
    // Changed, but as long as before: only reading it shows.
    edit(() => {});
    const plan = join(copy, 'engine.plan');
    const bytes = readFileSync(plan);
    bytes[1000] = (bytes[1000] as number) ^ 1;
    writeFileSync(plan, bytes);
    expect((await rejectionOf(EngineBundle.open(copy).then((opened) => opened.verify()))).message).toMatch(
      /content is not what was written/,
    );
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

  it('that a killed process left unfinished is built by the next', async () => {
    const script = `
      import { buildEngine } from ${JSON.stringify(new URL('../../dist/index.js', import.meta.url).href)};
      await buildEngine(${JSON.stringify(detector)}, { device: 'tensorrt-rtx', computeCapability: 86, onProgress: ({ fraction }) => {
        if (fraction > 0) process.kill(process.pid, 'SIGKILL');
      } });`;
    const child = spawn(process.execPath, ['--input-type=module', '-e', script], { stdio: 'inherit' });
    const [, signal] = (await once(child, 'exit')) as [number | null, string | null];
    expect(signal).toBe('SIGKILL');
    expect(leftovers().some((name) => name.endsWith('.lock'))).toBe(true);
    const { fromCache, bundle } = await buildEngine(detector, { ...options, computeCapability: 86 });
    expect(fromCache).toBe(false);
    expect(statSync(join(bundle.path, 'engine.plan')).size).toBe(bundle.manifest.engine.bytes);
    expect(leftovers()).toEqual([]);
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
