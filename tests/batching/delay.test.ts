import { describe, expect, it } from 'vitest';
import { AutoDelay } from '../../lib/batching/delay.js';

/** Requests that take `ms` besides the delay; every 20th takes `slow`. */
function drive(delay: AutoDelay, requests: number, ms: number, slow = ms): void {
  for (let i = 0; i < requests; i++) delay.record((i % 10 === 0 ? slow : ms) + delay.delayMs, delay.delayMs);
}

describe('the delay', () => {
  it('grows while the p95 is well below the target, and no further', () => {
    const delay = new AutoDelay(100);
    drive(delay, 5000, 20);
    const { delayMs, p95Ms, canHold, leastP95Ms } = delay.report();
    expect(delayMs).toBeGreaterThan(60);
    expect(p95Ms).toBeLessThanOrEqual(100);
    expect({ canHold, leastP95Ms }).toEqual({ canHold: true, leastP95Ms: 20 });
  });

  it('shrinks where slow requests come, until the target is held', () => {
    const delay = new AutoDelay(100);
    drive(delay, 5000, 20);
    drive(delay, 2000, 20, 80);
    const { delayMs, p95Ms } = delay.report();
    expect(delayMs).toBeLessThanOrEqual(20);
    expect(p95Ms).toBeLessThanOrEqual(105);
  });

  it('is none where the target cannot be held, and tells what can', () => {
    const delay = new AutoDelay(100);
    drive(delay, 5000, 130);
    expect(delay.report()).toEqual({ delayMs: 0, targetP95Ms: 100, p95Ms: 130, leastP95Ms: 130, canHold: false });
  });

  it('says nothing before there are enough requests', () => {
    const delay = new AutoDelay(100);
    drive(delay, 31, 20);
    expect(delay.report()).toMatchObject({ p95Ms: undefined, leastP95Ms: undefined, canHold: undefined });
  });

  it('is not taken for held by those that were answered, where others missed their deadlines', () => {
    const delay = new AutoDelay(100);
    for (let i = 0; i < 320; i++) delay.record(i % 10 === 0 ? Infinity : 20, 0);
    expect(delay.report()).toMatchObject({ p95Ms: Infinity, leastP95Ms: Infinity, canHold: false });
    expect(delay.delayMs).toBeLessThan(1);
  });
});
