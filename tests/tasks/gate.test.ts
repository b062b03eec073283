import { describe, expect, it } from 'vitest';
import { Gate } from '../../lib/tasks/gate.js';
import { expectFailure, rejectionOf } from '../errors/failure.js';

/** Long enough for whatever may go on to do so. */
const settle = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

describe('a gate', () => {
  it('lets as many in as there are places, then one for each that leaves, in their order', async () => {
    const gate = new Gate(2);
    const inside: number[] = [];
    const leaves = new Map<number, () => void>();
    for (let i = 0; i < 5; i++) {
      void gate.enter(undefined).then((leave) => {
        inside.push(i);
        leaves.set(i, leave);
      });
    }
    await settle();
    expect(inside).toEqual([0, 1]);
    leaves.get(1)?.();
    await settle();
    expect(inside).toEqual([0, 1, 2]);
    leaves.get(0)?.();
    leaves.get(2)?.();
    await settle();
    expect(inside).toEqual([0, 1, 2, 3, 4]);
  });

  it('gives places back when nobody waits', async () => {
    const gate = new Gate(1);
    for (let i = 0; i < 3; i++) (await gate.enter(undefined))();
    const leave = await gate.enter(undefined);
    let entered = false;
    void gate.enter(undefined).then(() => (entered = true));
    await settle();
    expect(entered).toBe(false);
    leave();
    await settle();
    expect(entered).toBe(true);
  });

  it('refuses whoever comes aborted', async () => {
    const gate = new Gate(1);
    expectFailure(await rejectionOf(gate.enter(AbortSignal.abort('no'))), 'ABORTED', /aborted/);
    await gate.enter(undefined);
  });

  it('lets those who are aborted leave the queue, and nobody else', async () => {
    const gate = new Gate(1);
    const leave = await gate.enter(undefined);
    const stop = new AbortController();
    const aborted = rejectionOf(gate.enter(stop.signal));
    const next = gate.enter(undefined);
    stop.abort();
    expectFailure(await aborted, 'ABORTED', /aborted/);
    leave();
    (await next)();
    (await gate.enter(stop.signal.aborted ? undefined : stop.signal))();
  });

  it('does not mind an abort after the entrance', async () => {
    const gate = new Gate(1);
    const stop = new AbortController();
    const leave = await gate.enter(undefined);
    const waiting = gate.enter(stop.signal);
    leave();
    const leaveLater = await waiting;
    stop.abort();
    leaveLater();
    (await gate.enter(undefined))();
  });
});
