/** What only sessions on a GPU can do: outputs that stay there, times of layers, new weights. */
import { afterAll, describe, expect, it } from 'vitest';

import { createSession, Tensor, type RunResult, type Session } from '../../lib/index.js';
import { expectFailure, rejectionOf } from '../errors/failure.js';
import { copiesOf } from './copies.js';
import { gpu, removeWork, where } from './machine.js';
import { detector } from './models.js';
import { bitsOf, buildMs, enginePath, fixture, inputOf } from './sessions.js';

afterAll(removeWork);

/** Closes the result. */
function bitsOfResult({ outputs, dispose }: RunResult): string {
  const bits = bitsOf(outputs);
  dispose();
  return bits;
}

describe.skipIf(gpu === undefined)(`device tensors ${where}`, () => {
  it('are those that come back otherwise, and come when they are asked for', { timeout: buildMs }, async () => {
    await using session = await createSession(await enginePath(detector.path));
    for (const batch of [1, 4]) {
      const images = inputOf(session, batch, batch);
      const expected = bitsOfResult(await session.run({ images }));
      const { result, copies } = await copiesOf(() => session.runOnDevice({ images }));
      expect(copies).toEqual({ toDevice: [1, images.byteLength], toHost: [0, 0], onDevice: [0, 0] });
      expect(result.copiedBytes).toBe(images.byteLength);
      const tensors = Object.entries(result.outputs);
      const bytes = tensors.reduce((sum, [, { byteLength }]) => sum + byteLength, 0);
      const fetched = await copiesOf(() => Promise.all(tensors.map(([, tensor]) => tensor.toHost())));
      expect(fetched.copies).toEqual({ toDevice: [0, 0], toHost: [tensors.length, bytes], onDevice: [0, 0] });
      expect(bitsOf(Object.fromEntries(fetched.result.map((tensor, i) => [tensors[i]![0], tensor])))).toBe(expected);
      result.dispose();
      images.dispose();
    }
  });

  it('feed another model without a copy', { timeout: buildMs }, async () => {
    await using doubles = await createSession(await enginePath(fixture('fixed'), {}), { lanes: 2 });
    await using repeats = await createSession(await enginePath(fixture('identity_float32'), {}), { cudaGraphs: true });
    const [{ name: input }, { name: output }] = [repeats.inputs[0]!, repeats.outputs[0]!];
    const filled = (value: number): Tensor => new Tensor('float32', new Float32Array(6).fill(value), [2, 3]);
    const steps = 20;
    const first = await doubles.runOnDevice({ a: filled(1), b: filled(2) }, { outputs: ['sum'] });
    let sum = first.outputs['sum']!;
    const { copies } = await copiesOf(async () => {
      for (let step = 0; step < steps; step++) {
        const same = await repeats.runOnDevice({ [input]: sum });
        const next = await doubles.runOnDevice({ a: same.outputs[output]!, b: sum }, { outputs: ['sum'] });
        expect([same.copiedBytes, next.copiedBytes]).toEqual([0, 0]);
        same.dispose();
        sum.dispose();
        sum = next.outputs['sum']!;
      }
    });
    expect(copies).toEqual({ toDevice: [0, 0], toHost: [0, 0], onDevice: [0, 0] });
    using host = await sum.toHost();
    // Each step doubles, and powers of two are exact.
    expect([...host.data]).toEqual(Array(6).fill(3 * 2 ** steps));
    sum.dispose();
  });

  it('outlive their session', { timeout: buildMs }, async () => {
    const session = await createSession(await enginePath(detector.path));
    using images = inputOf(session, 1, 1);
    const expected = bitsOfResult(await session.run({ images }));
    const { outputs, dispose } = await session.runOnDevice({ images });
    await session.dispose();
    const host: Record<string, Tensor> = {};
    for (const [name, tensor] of Object.entries(outputs)) host[name] = await tensor.toHost();
    expect(bitsOf(host)).toBe(expected);
    dispose();
  });
});

describe.skipIf(gpu === undefined)(`times ${where}`, () => {
  it('of the way to the device, of the work and of the way back come with each run', { timeout: buildMs }, async () => {
    const engine = await enginePath(detector.path);
    for (const cudaGraphs of [false, true]) {
      await using session = await createSession(engine, { cudaGraphs });
      using images = inputOf(session, 4, 1);
      for (let run = 0; run < 4; run++) {
        using result = await session.run({ images });
        for (const name of ['uploadMs', 'computeMs', 'downloadMs'] as const) expect(result[name], name).toBeGreaterThan(0);
      }
    }
  });

  it('of layers come with the runs that ask for them, which compute the same', { timeout: buildMs }, async () => {
    const engine = await enginePath(detector.path);
    for (const cudaGraphs of [false, true]) {
      await using session = await createSession(engine, { cudaGraphs });
      using images = inputOf(session, 1, 1);
      const plain = await session.run({ images });
      expect(plain).not.toHaveProperty('layers');
      const expected = bitsOfResult(plain);
      // In between, a graph is captured and replayed.
      for (const layerTimes of [true, false, false, true]) {
        const result = await session.run({ images }, { layerTimes });
        const { layers } = result;
        expect(bitsOfResult(result) === expected, `graphs ${cudaGraphs}, layers ${layerTimes}`).toBe(true);
        if (!layerTimes) {
          expect(layers).toBeUndefined();
          continue;
        }
        expect(layers!.length).toBeGreaterThan(0);
        for (const { name, ms } of layers!) {
          expect(name).not.toBe('');
          expect(ms).toBeGreaterThanOrEqual(0);
        }
        expect(layers!.reduce((sum, { ms }) => sum + ms, 0)).toBeGreaterThan(0);
      }
    }
  });
});

describe.skipIf(gpu === undefined)(`new weights ${where}`, () => {
  const profiles = [{ images: { min: [1, 1, 4], opt: [1, 1, 4], max: [4, 1, 4] } }];
  /** Of the fixture, whose weights are eighths from 0 on: `factor` times that. */
  function weightsOf(factor: number, bias: readonly number[]): Record<string, Tensor> {
    const values = Float32Array.from({ length: 12 }, (_, i) => (factor * i) / 8);
    return {
      weights: new Tensor('float32', values, [4, 3]),
      bias: new Tensor('float32', Float32Array.from(bias), [3]),
    };
  }
  const oldWeights = weightsOf(1, [1, 2, 3]);
  const newWeights = weightsOf(2, [10, 20, 30]);
  /** What each gives of ones; exact in TF32, too. */
  const oldScores = [3.25, 4.75, 6.25];
  const newScores = [14.5, 25.5, 36.5];
  const images = new Tensor('float32', new Float32Array(4).fill(1), [1, 1, 4]);

  async function scoresOf(session: Session): Promise<number[]> {
    using result = await session.run({ images });
    return [...result.outputs['scores']!.toFloat32()];
  }

  it.each([false, true])('are those of later runs, with CUDA graphs: %s', { timeout: buildMs }, async (cudaGraphs) => {
    const engine = await enginePath(fixture('dynamic'), { refit: true, profiles });
    await using session = await createSession(engine, { cudaGraphs, lanes: 2 });
    await using untouched = await createSession(engine);
    for (let run = 0; run < 6; run++) expect(await scoresOf(session)).toEqual(oldScores);
    const underWay = Array.from({ length: 8 }, () => scoresOf(session));
    await session.refit(newWeights);
    // Those that were waiting for a lane may have the one or the other, but not of both.
    for (const scores of await Promise.all(underWay)) expect([oldScores, newScores]).toContainEqual(scores);
    for (let run = 0; run < 6; run++) expect(await scoresOf(session)).toEqual(newScores);
    await session.refit(oldWeights);
    for (let run = 0; run < 6; run++) expect(await scoresOf(session)).toEqual(oldScores);
    expect(await scoresOf(untouched)).toEqual(oldScores);
  });

  it('are refused where they cannot be, and the old ones stay', { timeout: buildMs }, async () => {
    await using session = await createSession(await enginePath(fixture('dynamic'), { refit: true, profiles }));
    const wrong = { ...newWeights, nothing: new Tensor('float32', new Float32Array(3)) };
    expectFailure(await rejectionOf(session.refit(wrong)), 'INVALID_ARGUMENT', /"nothing"/);
    expect(await scoresOf(session)).toEqual(oldScores);
    await using plain = await createSession(await enginePath(fixture('dynamic'), { profiles }));
    expectFailure(await rejectionOf(plain.refit(newWeights)), 'INVALID_ARGUMENT', /cannot be changed/, /REFIT/);
  });
});
