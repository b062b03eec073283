/** What an execution reaches, counted by V8: guidance for the fuzzer without instrumented code. */
import { Session } from 'node:inspector';

/** Only what is ours, and the decoder of protobuf. */
const counted = /\/dist\/|@bufbuild\/protobuf/;

export class Coverage {
  #session = new Session();
  #seen = new Set();
  #counts;

  /** @param {{ counts?: boolean }} [options] `counts`: whether a place that is reached more often is new. */
  constructor({ counts = true } = {}) {
    this.#counts = counts;
    this.#session.connect();
    this.#post('Profiler.enable');
    this.#post('Profiler.startPreciseCoverage', { callCount: true, detailed: true });
  }

  /** How many places, with how often each was reached, are known. */
  get size() {
    return this.#seen.size;
  }

  /** Forgets what was counted until now. */
  reset() {
    this.#post('Profiler.takePreciseCoverage');
  }

  /** Whether anything new was reached since the last call. */
  take() {
    const before = this.#seen.size;
    for (const { url, functions } of this.#post('Profiler.takePreciseCoverage').result) {
      if (!counted.test(url)) continue;
      for (const { ranges } of functions) {
        for (const { startOffset, endOffset, count } of ranges) {
          if (count === 0) continue;
          // Once, twice, up to 4, 8, 16, ... times.
          const often = this.#counts ? Math.min(6, Math.ceil(Math.log2(count))) : 0;
          this.#seen.add(`${url}:${startOffset}-${endOffset}:${often}`);
        }
      }
    }
    return this.#seen.size > before;
  }

  /** Requests to the own thread are answered before this returns. */
  #post(method, parameters) {
    let answer;
    this.#session.post(method, parameters, (error, result) => {
      if (error) throw new Error(`${method}: ${error.message}`);
      answer = result;
    });
    return answer;
  }
}
