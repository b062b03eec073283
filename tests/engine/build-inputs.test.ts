/** What an engine is built from, where it changes meanwhile, and options that reach the library. */
import { mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

import { describe, expect, it } from 'vitest';

import { buildModelEngine, chooseTensorRt, readSource } from '../../lib/engine/index.js';
import { TimingCache } from '../../lib/engine/timing-cache.js';
import { encodeModel } from '../../lib/graph/index.js';
import { buildEngine, checkEngineSupport, EngineBundle } from '../../lib/index.js';
import { expectFailure, rejectionOf } from '../errors/failure.js';
import { DataType, elsewhere, graphModel, node } from '../graph/made-graphs.js';
import { rtxPresent, useOwnCache } from './rtx.js';

const cache = useOwnCache();
const classifier = fileURLToPath(new URL('../../examples/models/shapes-classifier.onnx', import.meta.url));
const options = { device: 'tensorrt-rtx', computeCapability: 89 } as const;

/** A model whose weights lie in `location`. */
function modelWith(location: string): { path: string; weights: string } {
  const folder = join(cache.folder(), location.replaceAll('/', '-'));
  const weights = join(folder, location);
  mkdirSync(join(weights, '..'), { recursive: true });
  const nodes = [
    node('Constant', [], 'w', { value: { tensor: elsewhere('w', location, DataType.FLOAT) } }),
    node('Mul', ['x', 'w'], 'y'),
  ];
  const path = join(folder, 'm.onnx');
  writeFileSync(path, encodeModel(graphModel({ inputs: { x: [1, 2] }, nodes })));
  writeFileSync(weights, Float32Array.of(2, 3));
  return { path, weights };
}

describe.skipIf(!rtxPresent)('an engine', { timeout: 120_000 }, () => {
  it('is built from the bytes as they were given, whatever becomes of them', async () => {
    const pristine = readFileSync(classifier);
    const bytes = Uint8Array.from(pristine);
    const building = buildEngine(bytes, options);
    bytes.fill(0);
    const { bundle } = await building;
    expect(bundle.manifest.passes).toHaveLength(1);
    const again = await buildEngine(pristine, options);
    expect(again).toMatchObject({ fromCache: true, bundle: { path: bundle.path } });
  });

  it('is not built from external data that changes meanwhile', async () => {
    const { path, weights } = modelWith('w.bin');
    const source = await readSource(path, undefined);
    writeFileSync(weights, Float32Array.of(4, 5));
    expectFailure(
      await rejectionOf(buildModelEngine(source, options)),
      'MODEL_INVALID',
      /The external data "w\.bin" changed while the model was built/,
    );
    const { bundle } = await buildModelEngine(await readSource(path, undefined), options);
    await bundle.verify();
  });

  it('is refused where external data has the place of its own files', async () => {
    const source = await readSource(modelWith('engine.plan/w.bin').path, undefined);
    expectFailure(await rejectionOf(buildModelEngine(source, options)), 'MODEL_UNSUPPORTED', /"engine\.plan\/w\.bin"/);
  });

  it('with a batch is refused where its axis is to stay fixed', async () => {
    const model = join(cache.folder(), 'fixed.onnx');
    writeFileSync(model, encodeModel(graphModel({ inputs: { x: [1, 2] }, nodes: [node('Relu', 'x', 'y')] })));
    const error = await rejectionOf(
      buildModelEngine(await readSource(model, undefined), { ...options, batch: 4, freeBatch: false }),
    );
    expectFailure(error, 'INVALID_ARGUMENT', /the model's inputs are fixed: "x" \[1, 2\]/, /freeBatch/);
  });

  it('hears what is thrown or aborted with the last that the builder tells', async () => {
    const fault = new Error('a fault of the caller');
    const stop = new AbortController();
    const block = (ms: number): void => void Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, ms);
    let lines = 0;
    // All that follows the first line is heard in one go, the end of the build with it.
    const throwing = buildEngine(classifier, {
      ...options,
      cache: false,
      onLog: () => {
        if (++lines === 1) block(3000);
        else throw fault;
      },
    });
    await expect(throwing).rejects.toBe(fault);
    let signs = 0;
    const aborting = buildEngine(classifier, {
      ...options,
      cache: false,
      signal: stop.signal,
      onLog: () => {
        if (++signs === 1) block(3000);
        else stop.abort();
      },
    });
    expect(await rejectionOf(aborting)).toMatchObject({ code: 'ABORTED' });
  });

  it('ends with what an async listener of the caller rejects with', async () => {
    const fault = new Error('a fault of the caller');
    const onProgress = (): Promise<void> => Promise.reject(fault);
    await expect(buildEngine(classifier, { ...options, cache: false, onProgress })).rejects.toBe(fault);
  });

  it('whose weights can be replaced needs a GPU, and says so', async () => {
    const { runObstacle } = await chooseTensorRt('tensorrt-rtx');
    if (runObstacle === undefined) return; // there is one
    for (const name of ['refit', 'stripWeights'] as const) {
      const error = await rejectionOf(buildEngine(classifier, { ...options, [name]: true }));
      expectFailure(error, 'BACKEND_UNAVAILABLE', /weights can be replaced cannot be built on this machine/, new RegExp(name));
    }
  });

  it('is told what its options are to be', async () => {
    const refusal = async (more: object): Promise<string> =>
      (await rejectionOf(buildEngine(classifier, { ...options, ...more } as never))).message;
    expect(await refusal({ output: 3 })).toBe('Expected a path for output but received 3');
    expect(await refusal({ tensorrtPath: new URL('file:///x') })).toBe('Expected a path for tensorrtPath but received a URL');
    expect(await refusal({ pluginLibraries: [3], trust: true })).toBe('Expected paths for pluginLibraries but received 3');
    expect(await refusal({ head: 'nose' })).toMatch(/head/);
    for (const call of [buildEngine, checkEngineSupport]) {
      expectFailure(await rejectionOf(call(classifier, undefined as never)), 'INVALID_ARGUMENT', /an object of options/);
      expectFailure(await rejectionOf(call(classifier, { device: 'tensorrt-rtx', foo: 1 } as never)), 'UNKNOWN_OPTION', /"foo"/);
    }
    expectFailure(await rejectionOf(EngineBundle.open(5 as never)), 'INVALID_ARGUMENT', /the path of a folder/);
  });

  it('with TF32 and without are two', async () => {
    const [on, off] = await Promise.all([true, false].map((tf32) => buildEngine(classifier, { ...options, tf32 })));
    expect([on, off].map((built) => built?.bundle.manifest.options['tf32'])).toEqual([true, false]);
    expect(on?.bundle.path).not.toBe(off?.bundle.path);
  });

  it('knows no option that is for the inner function', async () => {
    const bakePreprocess = { scale: 1, mean: [0, 0, 0], std: [1, 1, 1], layout: 'nchw' };
    const error = await rejectionOf(buildEngine(classifier, { ...options, bakePreprocess } as never));
    expectFailure(error, 'UNKNOWN_OPTION', /bakePreprocess/);
  });

  it('on a GPU adds to what others learned of the speed of kernels', async () => {
    const library = await chooseTensorRt('tensorrt-rtx');
    const gpu = { ordinal: 0, name: 'Our GPU', computeCapability: 89, uuid: '00ff' };
    const [first, second] = [new TimingCache({ ...library, gpu }), new TimingCache({ ...library, gpu })];
    expect([await first.read(), await second.read()]).toEqual([undefined, undefined]);
    first.learn(Uint8Array.of(1, 2, 3));
    await first.keep(undefined);
    const folder = join(cache.folder(), 'timing');
    expect(readdirSync(folder)).toEqual([`tensorrt-rtx-${library.version}-our-gpu-00ff.cache`]);
    const file = join(folder, readdirSync(folder)[0] as string);
    expect(readFileSync(file)).toEqual(Buffer.of(1, 2, 3));
    expect(await new TimingCache({ ...library, gpu }).read()).toEqual(Buffer.of(1, 2, 3));
    // The library finds nothing in either, and makes a cache of its own of the two.
    second.learn(Uint8Array.of(4, 5));
    await second.keep(undefined);
    expect(readFileSync(file).length).toBeGreaterThan(100);
    const without = new TimingCache({ ...library, gpu: undefined } as never);
    without.learn(Uint8Array.of(6));
    await without.keep(undefined);
    expect(readdirSync(folder)).toHaveLength(1);
  });
});
