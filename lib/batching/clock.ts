/** Where a batcher has the time from; tests have one of their own. */
export interface Clock {
  /** Milliseconds since some moment. */
  now(): number;
  /** Calls back once, about `ms` from now. */
  setTimer(callback: () => void, ms: number): unknown;
  clearTimer(timer: unknown): void;
}

/** A waiting request keeps the process alive, as a promise that somebody awaits should. */
export const realClock: Clock = {
  now: () => performance.now(),
  setTimer: (callback, ms) => setTimeout(callback, Math.ceil(ms)),
  clearTimer: (timer) => clearTimeout(timer as NodeJS.Timeout),
};
