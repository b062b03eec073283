import { describe, expect, it } from 'vitest';
import { Gate } from '../../lib/tasks/gate.js';
import { expectFailure, rejectionOf, thrownBy } from '../errors/failure.js';

/** Long enough for whatever may go on to do so. */
const settle = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));
const { signal } = new AbortController();

describe('a gate', () => {
  it('lets as many in as there are places, then one for each that leaves, in their order', async () => {
    const gate = new Gate(2);
    const inside: number[] = [];
    for (let i = 0; i < 5; i++) void Promise.resolve(gate.enter(signal)).then(() => inside.push(i));
    await settle();
    expect(inside).toEqual([0, 1]);
    gate.leave();
    await settle();
    expect(inside).toEqual([0, 1, 2]);
    gate.leave();
    gate.leave();
    await settle();
    expect(inside).toEqual([0, 1, 2, 3, 4]);
  });

  it('lets in at once where there is a place, and gives places back when nobody waits', async () => {
    const gate = new Gate(1);
    for (let i = 0; i < 3; i++) {
      expect(gate.enter(signal)).toBeUndefined();
      gate.leave();
    }
    expect(gate.enter(signal)).toBeUndefined();
    let entered = false;
    void gate.enter(signal)?.then(() => (entered = true));
    await settle();
    expect(entered).toBe(false);
    gate.leave();
    await settle();
    expect(entered).toBe(true);
  });

  it('refuses whoever comes aborted', () => {
    const gate = new Gate(1);
    expectFailure(
      thrownBy(() => gate.enter(AbortSignal.abort('no'))),
      'ABORTED',
      /aborted/,
    );
    expect(gate.enter(signal)).toBeUndefined();
  });

  it('lets those who are aborted leave the queue, and nobody else', async () => {
    const gate = new Gate(1);
    expect(gate.enter(signal)).toBeUndefined();
    const stop = new AbortController();
    const aborted = rejectionOf(gate.enter(stop.signal) as Promise<void>);
    const next = gate.enter(signal);
    stop.abort();
    expectFailure(await aborted, 'ABORTED', /aborted/);
    gate.leave();
    await next;
    gate.leave();
    expect(gate.enter(signal)).toBeUndefined();
  });

  it('does not mind an abort after the entrance', async () => {
    const gate = new Gate(1);
    const stop = new AbortController();
    expect(gate.enter(signal)).toBeUndefined();
    const waiting = gate.enter(stop.signal);
    gate.leave();
    await waiting;
    stop.abort();
    gate.leave();
    expect(gate.enter(signal)).toBeUndefined();
  });
});
