import { DynamicBatcher, type Clock } from '../batching/index.js';
import type { Bytes, PoolModel, SourceSettings } from './options.js';
import type { WarmUpReport } from './warm-up.js';

/** A model that was loaded and warmed up. */
export interface Loaded {
  readonly model: PoolModel;
  readonly bytes: Bytes;
  readonly loadMs: number;
  readonly warmUp: WarmUpReport | undefined;
}

/**
 * - 'open': requests may take it.
 * - 'draining': it is wanted out of the way for another one. Those that have it go on; when there are none, it goes, unless it is no longer in the way.
 * - 'leaving': it goes as soon as nobody has it.
 */
type State = 'open' | 'draining' | 'leaving';

/** A loaded model with its batcher, and who has it at the moment. */
export class Resident {
  readonly source: SourceSettings;
  readonly loaded: Loaded;
  readonly batcher: DynamicBatcher<PoolModel>;
  /** When it was last given to somebody. */
  lastUse: number;
  readonly #clock: Clock;
  readonly #onRelease: () => void;
  #state: State = 'open';
  #holders = 0;
  #whenFree: (() => void) | undefined;
  #gone: Promise<void> | undefined;

  /** `name`: what events call it where `batching` says nothing else, whichever file it was loaded from. `onRelease` is called whenever nobody has it any more. */
  constructor(name: string, source: SourceSettings, loaded: Loaded, clock: Clock, onRelease: () => void) {
    this.source = source;
    this.loaded = loaded;
    this.batcher = new DynamicBatcher(loaded.model, { ...source.batching, name: source.batching.name ?? name }, clock);
    this.lastUse = clock.now();
    this.#clock = clock;
    this.#onRelease = onRelease;
  }

  get bytes(): Bytes {
    return this.loaded.bytes;
  }
  get state(): State {
    return this.#state;
  }
  get holders(): number {
    return this.#holders;
  }
  get isBusy(): boolean {
    return this.#holders > 0;
  }

  hold(): void {
    this.#holders++;
    this.lastUse = this.#clock.now();
  }

  release(): void {
    if (--this.#holders > 0) return;
    this.#whenFree?.();
    this.#onRelease();
  }

  drain(): void {
    if (this.#state !== 'open') return;
    this.#state = 'draining';
    void this.batcher.flush();
  }

  reopen(): void {
    if (this.#state === 'draining') this.#state = 'open';
  }

  /** Settles when nobody has it any more and it is closed; rejects where the model cannot be disposed of. Idempotent. */
  leave(): Promise<void> {
    this.#state = 'leaving';
    void this.batcher.flush();
    return (this.#gone ??= this.#close());
  }

  async #close(): Promise<void> {
    if (this.#holders > 0) await new Promise<void>((resolve) => (this.#whenFree = resolve));
    await this.batcher.dispose();
    await this.loaded.model[Symbol.asyncDispose]();
  }
}
