/** What only sessions on a GPU can do: tensors that stay there, pinned inputs, times of layers, new weights, several GPUs. On the stand-ins. */
import { mkdtempSync } from 'node:fs';
import { join } from 'node:path';

import { describe, expect, it } from 'vitest';

import { fixture } from './fixtures.js';
import { detector, on, root } from './standin-machine.js';

const fixed = JSON.stringify(fixture('fixed.onnx'));
const dynamic = JSON.stringify(fixture('dynamic.onnx'));
const identity = JSON.stringify(fixture('identity_float32.onnx'));
const open = (model: string, options = ''): string =>
  `await createSession(${model}, { device: 'tensorrt', build: 'on-load'${options && `, ${options}`} })`;
/** Of the model "fixed": their sum is 3. */
const inputs = `const inputs = { a: new Tensor('float32', new Float32Array(6).fill(1), [2, 3]), b: new Tensor('float32', new Float32Array(6).fill(2), [2, 3]) };`;
/** The copies of the first GPU so far. */
const copies = `await gpuStatistics().then(([{ toDevice, toHost, onDevice, pinned }]) => ({ toDevice, toHost, onDevice, pinned: pinned.liveBytes }))`;

describe('an input in memory of the session', () => {
  it('goes to the GPU, and its result comes back, without a copy between', async () => {
    const found = await on(
      {},
      `
      const session = ${open(JSON.stringify(detector))};
      const images = session.allocateInput('images', [1, 3, 256, 256]);
      images.data.fill(0.5);
      const first = await session.run({ images });
      const before = ${copies};
      const result = await session.run({ images });
      const after = ${copies};
      const outputs = Object.values(result.outputs).reduce((sum, { byteLength }) => sum + byteLength, 0);
      return {
        copied: result.copiedBytes, moved: images.byteLength + outputs, outputs,
        up: after.toDevice.bytes - before.toDevice.bytes, down: after.toHost.bytes - before.toHost.bytes, on: after.onDevice.count - before.onDevice.count,
        input: images.byteLength, times: [result.uploadMs, result.computeMs, result.downloadMs],
        wrong: [await failureOf((async () => session.allocateInput('images', [1, 3, 256]))()), await failureOf((async () => session.allocateInput('image', [1]))())],
      };`,
    );
    expect(found.copied).toBe(found.moved);
    expect(found.up).toBe(found.input);
    expect(found.down).toBe(found.outputs);
    expect(found.on).toBe(0);
    for (const time of found.times) expect(time).toBeGreaterThan(0);
    expect(found.wrong).toMatchObject([
      { code: 'TENSOR_SHAPE' },
      { code: 'TENSOR_NAME', hint: expect.stringContaining('images') },
    ]);
  });

  it('is copied once where it lies in an array of the program', async () => {
    const found = await on(
      {},
      `
      const session = ${open(JSON.stringify(detector))};
      const images = new Tensor('float32', new Float32Array(3 * 256 * 256), [1, 3, 256, 256]);
      const result = await session.run({ images });
      return { copied: result.copiedBytes, outputs: Object.values(result.outputs).reduce((sum, { byteLength }) => sum + byteLength, 0) };`,
    );
    expect(found.copied).toBe(2 * 3 * 256 * 256 * 4 + found.outputs);
  });

  it('is plain memory where no more can be pinned', async () => {
    const found = await on(
      { cuda: 'pinned-limit=1048576' },
      `
      const session = ${open(JSON.stringify(detector))};
      const many = Array.from({ length: 4 }, () => session.allocateInput('images', [1, 3, 256, 256]));
      for (const tensor of many) tensor.data.fill(0.25);
      return { pinned: (${copies}).pinned, bytes: many.map(({ byteLength }) => byteLength) };`,
    );
    expect(found.bytes).toHaveLength(4);
    expect(found.pinned).toBeLessThanOrEqual(1048576);
  });

  it('is memory like any other on the CPU', async () => {
    const found = await on(
      { hasDriver: false },
      `
      const session = await createSession(${dynamic});
      const images = session.allocateInput('images', [1, 1, 4]);
      images.data.fill(1);
      const result = await session.run({ images });
      return { scores: [...result.outputs.scores.data], copied: result.copiedBytes, transfers: [result.uploadMs, result.downloadMs] };`,
    );
    expect(found).toEqual({ scores: [3.25, 4.75, 6.25], copied: 0, transfers: [0, 0] });
  });
});

describe('outputs that stay on the GPU', () => {
  it('feed another session there without any copy', async () => {
    const found = await on(
      {},
      `
      const scores = ${open(fixed)};
      const same = ${open(identity)};
      ${inputs}
      const first = await scores.runOnDevice(inputs);
      const before = ${copies};
      const second = await same.runOnDevice({ [same.inputs[0].name]: first.outputs.sum });
      const after = ${copies};
      const [output] = Object.values(second.outputs);
      const host = await output.toHost();
      return {
        text: String(output), gpu: output.gpu, dims: host.dims, values: [...host.data], copied: second.copiedBytes,
        copies: ['toDevice', 'toHost', 'onDevice'].map((kind) => after[kind].count - before[kind].count),
      };`,
    );
    expect(found).toEqual({
      ...{ text: 'DeviceTensor<float32>[2, 3] on GPU 0', gpu: 0, dims: [2, 3], copied: 0, copies: [0, 0, 0] },
      values: [3, 3, 3, 3, 3, 3],
    });
  });

  it('are refused where they cannot be, with what to do', async () => {
    const found = await on(
      {},
      `
      const engine = ${open(fixed)};
      const cpu = await createSession(${fixed}, { device: 'cpu' });
      ${inputs}
      const { outputs } = await engine.runOnDevice(inputs);
      const failures = [
        await failureOf(cpu.runOnDevice(inputs)),
        await failureOf(cpu.run({ ...inputs, a: outputs.sum })),
        await failureOf((${open(JSON.stringify(detector))}).run({ images: outputs.sum })),
        await failureOf(engine.runOnDevice(inputs, { outputs: { sum: inputs.a } })),
      ];
      outputs.sum.dispose();
      outputs.sum.dispose();
      return [...failures, await failureOf(engine.run({ ...inputs, a: outputs.sum })), await failureOf(outputs.sum.toHost()), outputs.sum.disposed];`,
    );
    expect(found).toMatchObject([
      {
        code: 'INVALID_ARGUMENT',
        message: expect.stringMatching(/stay on a GPU.*runs on cpu/),
        hint: expect.stringContaining('tensorrt'),
      },
      { code: 'INVALID_ARGUMENT', hint: expect.stringContaining('toHost()') },
      { code: 'TENSOR_SHAPE' },
      { code: 'INVALID_ARGUMENT' },
      { code: 'DISPOSED' },
      { code: 'DISPOSED' },
      true,
    ]);
  });

  it('are freed when they are disposed of or collected', async () => {
    const found = await on(
      { nodeArguments: ['--expose-gc'] },
      `
      const session = ${open(fixed)};
      ${inputs}
      const live = () => gpuStatistics().then(([{ device }]) => device.liveBytes);
      await session.runOnDevice(inputs).then((result) => result.dispose());
      const idle = await live();
      for (let i = 0; i < 20; i++) await session.runOnDevice(inputs);
      const held = await live();
      for (let i = 0; i < 20 && (await live()) > idle; i++) {
        gc();
        await new Promise((resolve) => setTimeout(resolve, 10));
      }
      return { idle, held, collected: await live() };`,
    );
    expect(found.held).toBeGreaterThan(found.idle);
    expect(found.collected).toBe(found.idle);
  });
});

describe('the times of layers', () => {
  it('come with the run that asks for them', async () => {
    const found = await on(
      {},
      `
      const session = ${open(fixed)};
      ${inputs}
      const plain = await session.run(inputs);
      const timed = await session.run(inputs, { layerTimes: true });
      const cpu = await createSession(${fixed}, { device: 'cpu' });
      return { plain: plain.layers ?? null, layers: timed.layers, refused: await failureOf(cpu.run(inputs, { layerTimes: true })) };`,
    );
    expect(found.plain).toBeNull();
    expect(found.layers.length).toBeGreaterThan(0);
    for (const layer of found.layers) expect(layer).toEqual({ name: expect.any(String), ms: expect.any(Number) });
    expect(found.refused).toMatchObject({ code: 'INVALID_ARGUMENT' });
  });
});

describe('new weights', () => {
  it('are taken by later runs, of an engine that was built for it', async () => {
    const output = join(mkdtempSync(join(root, 'engines-')), 'dynamic.engine');
    const found = await on(
      {},
      `
      const profiles = [{ images: { min: [1, 1, 4], opt: [1, 1, 4], max: [4, 1, 4] } }];
      await buildEngine(${dynamic}, { device: 'tensorrt', refit: true, profiles, output: ${JSON.stringify(output)} });
      const session = await createSession(${JSON.stringify(output)});
      const images = new Tensor('float32', new Float32Array(4).fill(1), [1, 1, 4]);
      const scores = async () => { const result = await session.run({ images }); return [...result.outputs.scores.data]; };
      const before = await scores();
      await session.refit({ bias: new Tensor('float32', new Float32Array(3).fill(100), [3]) });
      const after = await scores();
      const failures = [
        await failureOf(session.refit({ nothing: new Tensor('float32', new Float32Array(3)) })),
        await failureOf(session.refit({})),
        await failureOf((${open(fixed)}).refit({ bias: new Tensor('float32', new Float32Array(3)) })),
      ];
      return { before, after, failures, still: await scores() };`,
    );
    expect(found.before).toEqual([3.25, 4.75, 6.25]);
    expect(found.after).not.toEqual(found.before);
    expect(found.still).toEqual(found.after);
    expect(found.failures).toMatchObject([
      { code: 'INVALID_ARGUMENT', message: expect.stringContaining('"nothing"') },
      { code: 'INVALID_ARGUMENT' },
      { code: 'INVALID_ARGUMENT', hint: expect.stringMatching(/REFIT/) },
    ]);
  });
});

describe('several GPUs behind one session', () => {
  it('share the runs, and one that is lost leaves them to the others', async () => {
    const found = await on(
      { cuda: 'devices=2', tensorrt: 'lose-enqueue=5' },
      `
      const session = ${open(fixed, 'gpus: [0, 1], lanes: 2')};
      const inputs = Object.fromEntries(session.inputs.map(({ name, shape }) => [name, new Tensor('float32', new Float32Array(6).fill(2), shape)]));
      const [name] = session.outputs.map(({ name }) => name);
      const value = async () => { const result = await session.run(inputs); return result.outputs[name].data[0]; };
      const values = [];
      for (let i = 0; i < 12; i++) values.push(...(await Promise.all([value(), value()])));
      const gpus = await gpuStatistics();
      return { values: [...new Set(values)], gpus: gpus.map(({ gpu, lost, toDevice }) => ({ gpu, lost: lost !== undefined, isUsed: toDevice.count > 0 })) };`,
    );
    expect(found.values).toHaveLength(1);
    expect(found.gpus).toHaveLength(2);
    expect(found.gpus.every(({ isUsed }: { isUsed: boolean }) => isUsed)).toBe(true);
    expect(found.gpus.filter(({ lost }: { lost: boolean }) => lost)).toHaveLength(1);
  });
});
