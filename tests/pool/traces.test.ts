/** Random traces of calls, with the time in the test's hands: whatever happens, the budget holds, each call has one answer, and no model is used after it has gone. */
import { expect, it } from 'vitest';
import { fakeItem } from '../batching/fakes.js';
import { modelFault, World } from './fakes.js';

const traces = 500;
const names = ['a', 'b', 'c', 'd', 'e', 'f'];

/** Numbers from 0 to 1, the same for the same seed (mulberry32). */
function random(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let t = Math.imul(state ^ (state >>> 15), 1 | state);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) / 2 ** 32;
  };
}

/** As long as promises take to go on that wait for nothing else. */
async function pause(): Promise<void> {
  for (let i = 0; i < 60; i++) await undefined;
}

/** Codes of the errors that calls were answered with, '' for results, by what was called. */
type Seen = Map<string, Set<string>>;

class Trace {
  readonly #next: () => number;
  /** Whether nothing is done that calls may fail for. */
  readonly #isCalm: boolean;
  readonly #isDeclared: boolean;
  readonly #memoryBytes: number;
  readonly #world: World;
  readonly #seen: Seen;
  readonly #answers: number[] = [];
  #version = 1;

  constructor(seed: number, seen: Seen) {
    this.#next = random(seed);
    this.#isCalm = this.#next() < 0.4;
    this.#isDeclared = this.#next() < 0.7;
    this.#seen = seen;
    this.#memoryBytes = 4 + this.#integer(4);
    this.#world = new World({ memoryBytes: this.#memoryBytes });
    for (const name of names)
      this.#world.pool.register(name, { ...this.#source(), pinned: false, batching: { maxBatch: 1 + this.#integer(3) } });
  }

  #integer(below: number): number {
    return Math.floor(this.#next() * below);
  }

  #source() {
    const bytes = 1 + this.#integer(4);
    const spec = { bytes, loadMs: this.#integer(8), disposeMs: this.#integer(3) };
    const fault = (): Error | undefined => (!this.#isCalm && this.#next() < 0.15 ? modelFault() : undefined);
    return {
      load: this.#world.loader({ ...spec, fault }),
      version: String(this.#version++),
      ...(this.#isDeclared && { memoryBytes: bytes }),
    };
  }

  #watch(what: string, call: Promise<unknown>): void {
    const id = this.#answers.push(0) - 1;
    const answered = (code: string): void => {
      this.#answers[id] = (this.#answers[id] as number) + 1;
      let codes = this.#seen.get(what);
      if (codes === undefined) this.#seen.set(what, (codes = new Set()));
      codes.add(code);
    };
    call.then(
      () => answered(''),
      (error: { code?: string; message: string }) => {
        if (error.code === undefined) throw error; // of the fakes, or of what the pool did wrong
        answered(error.code);
      },
    );
  }

  #act(): void {
    const { pool } = this.#world;
    const name = names[this.#integer(names.length)] as string;
    const dice = this.#next();
    const runMs = this.#next() * 6;
    const signal = !this.#isCalm && this.#next() < 0.2 ? this.#abortLater() : undefined;
    if (dice < 0.75) {
      const deadlineMs = !this.#isCalm && this.#next() < 0.2 ? 1 + this.#next() * 30 : undefined;
      this.#watch(
        this.#isCalm ? 'run, calm' : 'run',
        this.#world.run(name, runMs, { ...(signal && { signal }), ...(deadlineMs && { deadlineMs }) }),
      );
    } else if (dice < 0.85) {
      const inner = names[this.#integer(names.length)] as string;
      // Two models that do not fit side by side are waited for in vain.
      const work = async (): Promise<unknown> => {
        await this.#world.after(runMs);
        return this.#next() < 0.5 ? undefined : await pool.run(inner, fakeItem({ id: -1, runMs: 1 }), { deadlineMs: 20 });
      };
      this.#watch('use', pool.use(name, work, { signal }));
    } else if (dice < 0.9) this.#watch('swap', pool.swap(name, this.#source(), { signal }));
    else if (dice < 0.95) this.#watch('unload', pool.unload(name));
    else if (dice < 0.97) this.#watch('reset', pool.reset());
    else if (!this.#isCalm) {
      if (this.#next() < 0.3) pool.pin(name);
      else for (const one of names) pool.unpin(one);
    }
  }

  #abortLater(): AbortSignal {
    const stop = new AbortController();
    this.#world.clock.setTimer(() => stop.abort(), this.#next() * 20);
    return stop.signal;
  }

  async play(): Promise<void> {
    const { clock, pool, memory, models } = this.#world;
    const pace = this.#next() < 0.5 ? 1 : 8;
    const count = 10 + this.#integer(50);
    for (let i = 0; i < count; i++) {
      await clock.advanceTo(clock.now() + this.#next() * pace, pause);
      this.#act();
      await pause();
    }
    for (const name of names) pool.unpin(name);
    await clock.advanceTo(1e5, pause);
    expect(this.#answers.every((answers) => answers === 1)).toBe(true);
    const statistics = pool.statistics();
    expect(
      [statistics.waitingLoads, ...Object.values(statistics.models).flatMap(({ inUse, waiting }) => [inUse, waiting])].every(
        (n) => n === 0,
      ),
    ).toBe(true);
    if (this.#isDeclared) {
      expect(statistics.memoryBytes).toBe(memory.host);
      expect(Math.max(memory.most, statistics.mostMemoryBytes)).toBeLessThanOrEqual(this.#memoryBytes);
    }
    const closing = pool.dispose();
    await clock.advanceTo(2e5, pause);
    await closing;
    expect(models.every(({ isDisposed, openArenas }) => isDisposed && openArenas === 0)).toBe(true);
    expect([memory.host, clock.timers]).toEqual([0, 0]);
  }
}

it(`keeps its word, on ${traces} random traces`, { timeout: 600_000 }, async () => {
  const seen: Seen = new Map();
  for (let seed = 1; seed <= traces; seed++) {
    await new Trace(seed, seen).play().catch((error: unknown) => {
      throw new Error(`seed ${seed}`, { cause: error });
    });
  }
  const codes = Object.fromEntries([...seen].map(([what, set]) => [what, [...set].sort()]));
  expect(codes).toEqual({
    'run, calm': [''],
    run: ['', 'ABORTED', 'DEADLINE_EXCEEDED', 'POOL_LOAD_FAILED', 'POOL_TOO_SMALL'],
    use: ['', 'ABORTED', 'DEADLINE_EXCEEDED', 'POOL_LOAD_FAILED', 'POOL_TOO_SMALL'],
    swap: ['', 'ABORTED', 'POOL_LOAD_FAILED', 'POOL_TOO_SMALL'],
    unload: [''],
    reset: [''],
  });
});
