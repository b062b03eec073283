/** What programs of sessions whose device fails have in common: see standin-machine.ts. */

import { expect } from 'vitest';

/** Begins a program. A run's outcome is its device, and how far its values are from those of the CPU. */
export const tools = `
  const { subscribe } = await import('node:diagnostics_channel');
  const events = [];
  for (const name of ['fallback', 'recover', 'build']) subscribe('foveate:session.' + name, (event) => events.push({ name, ...event }));
  const pixels = (seed) => Float32Array.from({ length: 3 * 256 * 256 }, (_, i) => ((i * 7 + seed * 31) % 251) / 250);
  const tensor = (seed) => new Tensor('float32', pixels(seed), [1, 3, 256, 256]);
  const reference = await createSession(detector, { device: 'cpu' });
  const [output] = reference.outputs.map(({ name }) => name);
  const outcome = async (seed, running) => {
    const result = await running;
    const expected = await reference.run({ images: tensor(seed) });
    const [one, other] = [result.outputs[output], expected.outputs[output]];
    const most = one.data.reduce((most, value, i) => Math.max(most, Math.abs(value - other.data[i])), 0);
    const isRight = most < 1e-4 && one.dims.join() === other.dims.join();
    for (const done of [result, expected]) done.dispose();
    return { device: result.device, isRight };
  };
  const run = (session, seed) => outcome(seed, session.run({ images: tensor(seed) }));
  const boxesOf = ({ classIds, scores, boxes }) => ({ classIds: [...classIds], numbers: [...scores, ...boxes] });
  /** Runs until it is so: a lost device is tried again a second later. */
  const until = async (isSo, again) => {
    for (let i = 0; i < 2000 && !isSo(); i++) {
      await again();
      await new Promise((resolve) => setTimeout(resolve, 10));
    }
  };`;

/** Outcomes of a run whose values are right. */
export const right = { cpu: { device: 'cpu', isRight: true }, tensorrt: { device: 'tensorrt', isRight: true } };

export function expectSameBoxes(found: { classIds: number[]; numbers: number[] }, expected: typeof found): void {
  expect(expected.classIds.length).toBeGreaterThan(3);
  expect(found.classIds).toEqual(expected.classIds);
  found.numbers.forEach((value, i) => expect(value).toBeCloseTo(expected.numbers[i] as number, 2));
}
