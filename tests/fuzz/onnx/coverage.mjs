/** What an execution reaches, counted by V8: guidance for the fuzzer without instrumented code. */
import { Session } from 'node:inspector';

/** Only what is ours, and the decoder of protobuf. */
const counted = /\/dist\/|@bufbuild\/protobuf/;

export class Coverage {
  #session = new Session();
  #seen = new Set();

  constructor() {
    this.#session.connect();
    this.#post('Profiler.enable');
    this.#post('Profiler.startPreciseCoverage', { callCount: true, detailed: true });
  }

  /** How many places, each with how often it was reached, are known. */
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
          // Once, twice, up to 4, 8, 16, ... times.
          if (count > 0) this.#seen.add(`${url}:${startOffset}-${endOffset}:${Math.min(6, Math.ceil(Math.log2(count)))}`);
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
