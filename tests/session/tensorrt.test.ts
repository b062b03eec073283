/** Engines of TensorRT behind sessions and tasks, in processes whose driver and TensorRT stand in for the real ones: see tests/standin. */
import { cpSync, mkdtempSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

import { describe, expect, it } from 'vitest';

import { detector, on, root } from './standin-machine.js';

const boxes = `(({ classIds, scores, boxes }) => ({ classIds: [...classIds], numbers: [...scores, ...boxes] }))(await task.detect(picture))`;

describe('a device of TensorRT that is named', () => {
  it('has no engine before one is built, and says how', async () => {
    const found = await on(
      {},
      `return [await failureOf(createSession(detector, { device: 'tensorrt' })), await failureOf(loadTask(detector, { device: 'tensorrt' }))]`,
    );
    expect(found[0]).toMatchObject({
      code: 'ENGINE_NOT_BUILT',
      message: expect.stringMatching(/shapes-detector\.onnx .*tensorrt 10\.15\.1/),
    });
    expect(found[0].hint).toContain(`foveate build ${detector} --device tensorrt --no-bake`);
    expect(found[1]).toMatchObject({ code: 'ENGINE_NOT_BUILT' });
    expect(found[1].hint).toMatch(new RegExp(`foveate build ${detector} --device tensorrt\\.`));
  });

  it('builds on load where that is asked for, computes what the CPU does, and is there from then on', async () => {
    const cache = mkdtempSync(join(root, 'cache-'));
    const found = await on(
      { cache },
      `
      const phases = new Set();
      const engine = await createSession(detector, { device: 'tensorrt', build: 'on-load', onBuildProgress: ({ phase }) => phases.add(phase) });
      const cpu = await createSession(detector, { device: 'cpu' });
      const images = new Tensor('float32', Float32Array.from({ length: 2 * 3 * 256 * 256 }, (_, i) => (i % 251) / 250), [2, 3, 256, 256]);
      const one = await engine.run({ images });
      const other = await cpu.run({ images });
      const [name] = Object.keys(other.outputs);
      const [a, b] = [one.outputs[name], other.outputs[name]];
      let most = 0;
      a.data.forEach((value, i) => (most = Math.max(most, Math.abs(value - b.data[i]))));
      const again = await createSession(detector, { device: 'tensorrt' });
      await again.dispose();
      const { device, deviceReason, runtime, lanes } = engine;
      return { device, deviceReason, runtime: runtime.name + ' ' + runtime.version, lanes, most, dims: [a.dims, b.dims], copied: one.copiedBytes - images.data.byteLength - a.data.byteLength, phases: phases.size };`,
    );
    expect(found).toMatchObject({ device: 'tensorrt', deviceReason: 'asked for', runtime: 'tensorrt 10.15.1', lanes: 1 });
    expect(found.most).toBeLessThan(1e-4);
    expect(found.dims[0]).toEqual(found.dims[1]);
    // The tensor is the program's own: it goes into pinned memory, and from there to the device.
    expect(found.copied).toBe(2 * 3 * 256 * 256 * 4);
    expect(found.phases).toBeGreaterThan(1);
  });

  it('refuses shapes beyond the profile by input and axis', async () => {
    const found = await on(
      {},
      `
      const engine = await createSession(detector, { device: 'tensorrt', build: 'on-load' });
      return failureOf(engine.run({ images: new Tensor('float32', new Float32Array(9 * 3 * 256 * 256), [9, 3, 256, 256]) }))`,
    );
    expect(found).toMatchObject({ code: 'TENSOR_SHAPE', message: expect.stringMatching(/images.*1 to 8.*received 9/) });
  });

  it.each([
    ['no driver', { hasDriver: false }, 'BACKEND_UNAVAILABLE', /no NVIDIA driver/],
    ['a driver that is too old', { cuda: 'driver=11000' }, 'BACKEND_UNAVAILABLE', /11\.0/],
    ['a driver without a GPU', { cuda: 'devices=0' }, 'BACKEND_UNAVAILABLE', /no NVIDIA GPU/],
    ['a GPU without memory', { cuda: 'memory-limit=1024' }, 'CUDA_OUT_OF_MEMORY', /OutOfMemory/],
  ] as const)('with %s says so', async (_, machine, code, message) => {
    const found = await on(
      machine,
      `return failureOf(loadTask(detector, { device: 'tensorrt', build: 'on-load' }).then((task) => task.detect(picture)))`,
    );
    expect(found).toMatchObject({ code, message: expect.stringMatching(message) });
  });
});

describe("a task on 'tensorrt'", () => {
  it('gives pixels to an engine that normalises them, and finds what it finds on the CPU', async () => {
    const cache = mkdtempSync(join(root, 'cache-'));
    const found = await on(
      { cache },
      `
      const task = await loadTask(detector, { device: 'tensorrt', build: 'on-load' });
      const [input] = task.session.inputs;
      const { timing } = await task.detect(picture);
      const engine = ${boxes};
      const cpu = await (async () => { const task = await loadTask(detector, { device: 'cpu' }); return ${boxes}; })();
      return { input, timing, engine, cpu, dtype: task.preprocess.options.dtype, device: task.session.device };`,
    );
    expect(found.device).toBe('tensorrt');
    expect(found.input).toMatchObject({ dtype: 'uint8', shape: [null, 256, 256, 3] });
    // What the model's own input takes, whoever makes it.
    expect(found.dtype).toBe('float32');
    expect(found.engine.classIds.length).toBeGreaterThan(3);
    expect(found.engine.classIds).toEqual(found.cpu.classIds);
    found.engine.numbers.forEach((value: number, i: number) => expect(value).toBeCloseTo(found.cpu.numbers[i], 2));
    // Pixels go to pinned memory and to the device.
    expect(found.timing.copiedBytes).toBeLessThan(3 * 256 * 256 * 4);
    const auto = await on(
      { cache },
      `const task = await loadTask(detector); return [task.session.device, task.session.deviceReason, task.session.inputs[0].dtype]`,
    );
    expect(auto).toEqual(['tensorrt', 'an engine of it is there', 'uint8']);
  });

  it("runs elsewhere with 'auto' where there is no engine, and says how to have one", async () => {
    const found = await on(
      {},
      `const task = await loadTask(detector); return [task.session.device, task.session.deviceReason, (await task.detect(picture)).scores.length > 0]`,
    );
    expect(found).toEqual([
      'cpu',
      expect.stringMatching(
        /No engine of shapes-detector\.onnx is in the cache .*foveate build .*shapes-detector\.onnx --device tensorrt/,
      ),
      true,
    ]);
    const opened = await on(
      {},
      `
      const { readFileSync } = await import('node:fs');
      const { subscribe } = await import('node:diagnostics_channel');
      const opened = [];
      subscribe('foveate:session.open', ({ device }) => opened.push(device));
      await loadTask(detector);
      await createSession(detector);
      return { opened, maps: readFileSync('/proc/self/maps', 'utf8').includes('libnvinfer') };`,
    );
    // Once each, and without TensorRT, which is large.
    expect(opened).toEqual({ opened: ['cpu', 'cpu'], maps: false });
    const without = await on({ hasDriver: false }, `const task = await loadTask(detector); return task.session.deviceReason`);
    expect(without).not.toMatch(/engine/);
  });
});

describe('the bundle of an engine', () => {
  const cache = mkdtempSync(join(root, 'cache-'));
  const output = join(root, 'detector.engine');

  it('is opened as a model, with its preprocessing and its labels', async () => {
    const found = await on(
      { cache },
      `
      await buildEngine(detector, { device: 'tensorrt', output: ${JSON.stringify(output)} });
      const { subscribe } = await import('node:diagnostics_channel');
      const opened = [];
      subscribe('foveate:session.open', ({ file }) => opened.push(file));
      const task = await loadTask(${JSON.stringify(output)});
      const session = await createSession(${JSON.stringify(output)});
      return { opened: opened.slice(1), boxes: ${boxes}, labels: task.labels, session: [session.device, session.inputs[0].dtype], wrong: await failureOf(createSession(${JSON.stringify(output)}, { device: 'cpu' })) };`,
    );
    expect(found.session).toEqual(['tensorrt', 'uint8']);
    // Of a copy, the original: whoever may write to the copy has no say in what is run.
    for (const file of found.opened) expect(file.startsWith(cache)).toBe(true);
    expect(found.opened).toHaveLength(2);
    expect(found.labels).toContain('triangle');
    expect(found.boxes.classIds.length).toBeGreaterThan(3);
    expect(found.wrong).toMatchObject({ code: 'INVALID_ARGUMENT' });
  });

  it('from elsewhere is run where it is trusted alone', async () => {
    const body = (options: string): string =>
      `return failureOf(createSession(${JSON.stringify(output)}, ${options}).then((session) => session.dispose()))`;
    expect(await on({}, body('{}'))).toMatchObject({ code: 'NOT_TRUSTED', hint: expect.stringContaining('trust: true') });
    expect(await on({}, body('{ trust: true }'))).toBe('no failure');
  });

  it('of another GPU or release is refused before it is read, and a damaged one too', async () => {
    const body = `return failureOf(createSession(${JSON.stringify(output)}, { trust: true }))`;
    // What the manifest does not tell, the library does.
    expect(await on({ cache, tensorrt: 'capability=89' }, body)).toMatchObject({ code: 'ENGINE_INVALID' });
    const damaged = join(root, 'damaged.engine');
    cpSync(output, damaged, { recursive: true });
    const { engine } = JSON.parse(readFileSync(join(damaged, 'manifest.json'), 'utf8')) as { engine: { file: string } };
    const bytes = readFileSync(join(damaged, engine.file));
    bytes[bytes.length >> 1]! ^= 1;
    writeFileSync(join(damaged, engine.file), bytes);
    expect(await on({ cache }, body.replace(output, damaged))).toMatchObject({ code: 'ENGINE_INVALID' });
    const manifest = JSON.parse(readFileSync(join(output, 'manifest.json'), 'utf8')) as { engine: { version: string } };
    const older = { ...manifest, engine: { ...manifest.engine, version: '10.9.0' } };
    writeFileSync(join(output, 'manifest.json'), JSON.stringify(older));
    expect(await on({ cache }, body)).toMatchObject({
      code: 'ENGINE_MISMATCH',
      message: expect.stringMatching(/10\.9\.0, the library is 10\.15\.1/),
    });
  });
});

describe("'auto'", () => {
  it('goes on where an engine cannot be opened, and says why', async () => {
    const cache = mkdtempSync(join(root, 'cache-'));
    await on({ cache }, `await loadTask(detector, { device: 'tensorrt', build: 'on-load' }); return 0`);
    const opened = `const task = await loadTask(detector); const session = await createSession(detector); return [task.session.device, task.session.deviceReason, session.device]`;
    expect(await on({ cache, tensorrt: 'capability=89' }, opened)).toEqual([
      'cpu',
      expect.stringMatching(/TensorRT refuses the engine/),
      'cpu',
    ]);
    expect(await on({ cache, cuda: 'memory-limit=1024' }, opened)).toEqual(['cpu', expect.stringMatching(/OutOfMemory/), 'cpu']);
  });

  it('leaves engines out where options are for ONNX Runtime alone, or no profile takes the batch', async () => {
    const cache = mkdtempSync(join(root, 'cache-'));
    await on({ cache }, `await loadTask(detector, { device: 'tensorrt', build: 'on-load' }); return 0`);
    const deviceOf = (options: string): Promise<string[]> =>
      on({ cache }, `const { session } = await loadTask(detector, ${options}); return [session.device, session.deviceReason]`);
    expect(await deviceOf('{}')).toEqual(['tensorrt', expect.any(String)]);
    expect(await deviceOf(`{ config: { 'session.set_denormal_as_zero': '1' } }`)).toEqual(['cpu', expect.any(String)]);
    expect(await deviceOf('{ batchSize: 16 }')).toEqual(['cpu', expect.stringMatching(/No engine of/)]);
  });
});

describe('several GPUs', () => {
  it('find engines by the first that is named, and are of one kind', async () => {
    const cache = mkdtempSync(join(root, 'cache-'));
    await on({ cache }, `await createSession(detector, { device: 'tensorrt', build: 'on-load' }); return 0`);
    const opened = (gpus: string, options = ''): string =>
      `return failureOf(createSession(detector, { device: 'tensorrt', gpus: ${gpus}, ${options} }).then((session) => session.dispose()))`;
    const two = { cache, cuda: 'devices=2' };
    expect(await on(two, opened('[0, 1]'))).toBe('no failure');
    expect(await on(two, opened('[1]'))).toMatchObject({ code: 'ENGINE_NOT_BUILT' });
    expect(await on(two, opened('[1]', `build: 'on-load'`))).toMatchObject({
      code: 'BACKEND_UNAVAILABLE',
      message: expect.stringMatching(/first GPU of the machine, 0 .* and not for 1/),
      hint: expect.stringContaining('CUDA_VISIBLE_DEVICES=1'),
    });
    expect(await on(two, opened('[0, 2]'))).toMatchObject({
      code: 'INVALID_ARGUMENT',
      message: expect.stringMatching(/ordinals of 0 .*, 1 .* for gpus/),
    });
    expect(await on({ cache, cuda: 'devices=2,last-capability=89' }, opened('[0, 1]'))).toMatchObject({
      code: 'INVALID_ARGUMENT',
      message: expect.stringMatching(/9\.0\) with 1 .*8\.9\)/),
    });
    // As if it had been built on the other.
    const [key] = readdirSync(join(cache, 'engines'));
    const path = join(cache, 'engines', key as string, 'manifest.json');
    writeFileSync(path, readFileSync(path, 'utf8').replace('Stand-in GPU 0', 'Stand-in GPU 1'));
    expect(await on(two, opened('[1]'))).toBe('no failure');
    expect(await on(two, opened('[0]'))).toMatchObject({ code: 'ENGINE_NOT_BUILT' });
  });
});

describe('a manifest from elsewhere', () => {
  it('cannot pass for one of the cache by its key', async () => {
    const cache = mkdtempSync(join(root, 'cache-'));
    const own = join(root, 'own.engine');
    await on({ cache }, `await buildEngine(detector, { device: 'tensorrt', output: ${JSON.stringify(own)} }); return 0`);
    const manifest = JSON.parse(readFileSync(join(own, 'manifest.json'), 'utf8')) as Record<string, unknown>;
    for (const key of [own, `${'../'.repeat(12)}..${own}`]) {
      writeFileSync(join(own, 'manifest.json'), JSON.stringify({ ...manifest, key }));
      expect(await on({}, `return failureOf(createSession(${JSON.stringify(own)}))`)).toMatchObject({ code: 'NOT_TRUSTED' });
    }
  });

  it('of an engine without its weights is refused', async () => {
    const own = join(root, 'own.engine');
    const manifest = JSON.parse(readFileSync(join(own, 'manifest.json'), 'utf8')) as { options: object };
    writeFileSync(
      join(own, 'manifest.json'),
      JSON.stringify({ ...manifest, options: { ...manifest.options, stripWeights: true } }),
    );
    const found = await on({}, `return failureOf(createSession(${JSON.stringify(own)}, { trust: true }))`);
    expect(found).toMatchObject({ code: 'ENGINE_MISMATCH', message: expect.stringMatching(/without its weights/) });
  });
});

describe('a GPU that fails', () => {
  it('is told by its code, and nothing waits for ever', async () => {
    const found = await on(
      { tensorrt: 'lose-enqueue=3' },
      `
      const task = await loadTask(detector, { device: 'tensorrt', build: 'on-load' });
      const outcomes = [];
      for (let i = 0; i < 5; i++) outcomes.push(await failureOf(task.detect(picture)));
      return outcomes;`,
    );
    expect(found.slice(0, 2)).toEqual(['no failure', 'no failure']);
    for (const outcome of found.slice(2)) expect(outcome).toMatchObject({ code: 'DEVICE_LOST' });
  });

  it('without memory for one run works again for the next', async () => {
    const found = await on(
      { tensorrt: 'oom-enqueue=2,fail-enqueue=4' },
      `
      const task = await loadTask(detector, { device: 'tensorrt', build: 'on-load' });
      const outcomes = [];
      for (let i = 0; i < 5; i++) outcomes.push(await failureOf(task.detect(picture)));
      return outcomes.map((outcome) => outcome.code ?? outcome);`,
    );
    expect(found[0]).toBe('no failure');
    expect(
      found
        .filter((outcome: string) => outcome !== 'no failure')
        .every((code: string) => ['CUDA_OUT_OF_MEMORY', 'ENGINE_FAILED'].includes(code)),
    ).toBe(true);
    expect(found.at(-1)).toBe('no failure');
  });
});
