/** What serves where a device fails in the middle of its work, and the way back. */
import { aborted } from '../binding/index.js';
import type { DeviceChoice } from '../engine/index.js';
import { createError, DisposedError, FoveateError, type ErrorCode } from '../errors/index.js';
import { publish } from '../events/index.js';
import { InFlight } from './in-flight.js';

/** What runs are made on: a model that was opened on one device. */
export interface Runner {
  readonly choice: DeviceChoice;
  /** Called once, when no run is under way on it any more. */
  close(): Promise<void>;
}

/** How a device that fails is stood in for. Neither is called twice at the same time. */
export interface Recovery<R extends Runner> {
  /** Ordinals of the GPUs that are worked on: what loses one of them loses all that live there. */
  readonly gpus: readonly number[];
  /** Opens the same on the CPU, which `reason` is the reason for. */
  onCpu(reason: string): Promise<R>;
  /** Opens it again on a device that was lost. Nothing of the runner before lives any more. */
  again(signal: AbortSignal): Promise<R>;
}

/** What was opened, and what may come after it. */
export interface Opened<R extends Runner> {
  readonly runner: R;
  /** undefined: a device that was asked for by its name, whose errors are the caller's, or one that is not lost. */
  readonly recovery?: Recovery<R> | undefined;
  /** Builds, and opens, what is to take over from the runner. */
  readonly building?: ((signal: AbortSignal) => Promise<Opened<R>>) | undefined;
}

/** Why runs are, or were last, made elsewhere than on the device that was chosen. */
export interface Degraded {
  /** DEVICE_LOST: until the device is back. CUDA_OUT_OF_MEMORY: of one run, the next is tried on the device again. */
  readonly code: ErrorCode;
  readonly reason: string;
  readonly since: Date;
}

/** How one run is made. */
export interface FailoverRunOptions {
  readonly signal: AbortSignal | undefined;
  /** Whether it could be made on the CPU. Default true. */
  readonly isMovable?: boolean;
}

/** Between a loss, or an attempt to come back that failed, and the next attempt; twice as long each time. */
const firstPauseMs = 1000;
const longestPauseMs = 60_000;

/** A runner, and the runs that are under way on it. */
class Served<R extends Runner> {
  readonly runner: R;
  readonly #inFlight = new InFlight();

  constructor(runner: R) {
    this.runner = runner;
  }

  run<T>(work: (runner: R) => Promise<T>): Promise<T> {
    return this.#inFlight.track(work(this.runner));
  }

  async close(): Promise<void> {
    await this.#inFlight.idle();
    await this.runner.close();
  }
}

/**
 * All of this thread, to be told of a loss: what lives on a lost device, though nothing is run on it, would keep it from being reset. Weak, because a session that is forgotten is to be
 * collected.
 */
const known = new Set<WeakRef<Failover<Runner>>>();

/**
 * Makes runs on one runner. Where there is a {@link Recovery}, a run that its device loses, or has no memory for, is made again on the CPU. A lost device is let go of at once,
 * because it is only reset when nothing lives on it; from then on some run, now and then, sets off an attempt to open it again. There are no timers: nothing wakes a process.
 */
export class Failover<R extends Runner> {
  readonly #model: string | undefined;
  #own: Served<R>;
  #recovery: Recovery<R> | undefined;
  #isLost = false;
  #degraded: Degraded | undefined;
  #cpu: Served<R> | undefined;
  #openingCpu: Promise<Served<R>> | undefined;
  /** Letting go of a lost runner, or opening it again. */
  #returning: Promise<void> | undefined;
  #pauseMs = firstPauseMs;
  #nextAttempt = 0;
  /** Runners that something took over from. */
  readonly #retiring: Promise<void>[] = [];
  readonly #stop = new AbortController();
  /** Settles when what is built in the background has taken over, or cannot; it never rejects. undefined where nothing was to be built. */
  readonly building: Promise<void> | undefined;

  /** Set once the device has what nothing else has. */
  #staysWithDevice = false;
  readonly #self = new WeakRef<Failover<Runner>>(this as unknown as Failover<Runner>);

  /** `model` is what events say. */
  constructor({ runner, recovery, building }: Opened<R>, model: string | undefined) {
    known.add(this.#self);
    this.#model = model;
    this.#own = new Served(runner);
    this.#recovery = recovery;
    if (building !== undefined) this.building = this.#build(building);
  }

  /** Where the next run is made, and why there. */
  get choice(): DeviceChoice {
    if (this.#isLost && this.#cpu === undefined) return { device: 'cpu', reason: this.#degraded?.reason ?? '' };
    return this.serving.choice;
  }

  /** What the next run is made on; while the CPU takes over, still what it takes over from, which may be closed. */
  get serving(): R {
    return (this.#isLost && this.#cpu ? this.#cpu : this.#own).runner;
  }

  /** What the next run is made on, where that is open already. */
  get open(): R | undefined {
    return this.#isLost && this.#cpu === undefined ? undefined : this.serving;
  }

  get degraded(): Degraded | undefined {
    return this.#degraded;
  }

  /** Whether the next run may be made twice, so that what it reads must not change meanwhile. */
  get mayRunTwice(): boolean {
    return this.#recovery !== undefined && !this.#staysWithDevice && !(this.#isLost && this.#cpu !== undefined);
  }

  /** From now on no run is made elsewhere, and the device is not opened again: what is there would be another model. */
  stayWithDevice(): void {
    this.#staysWithDevice = true;
  }

  /** `work` is called before this returns, unless the CPU is only being opened. A signal that is aborted ends the wait for that. */
  run<T>(work: (runner: R) => Promise<T>, options: FailoverRunOptions): Promise<T> {
    return this.#recovery === undefined ? this.#own.run(work) : this.#runGuarded(work, options);
  }

  async #runGuarded<T>(work: (runner: R) => Promise<T>, options: FailoverRunOptions): Promise<T> {
    const { signal } = options;
    const isMovable = options.isMovable !== false && !this.#staysWithDevice;
    if (this.#isLost) {
      if (!this.#staysWithDevice) this.#tryToReturn();
      const why = this.#degraded as Degraded;
      if (isMovable) return await this.#runOnCpu(work, why, signal);
      const hint = this.#staysWithDevice
        ? 'Its weights were changed: open the engine again, and change them again.'
        : 'The CPU takes over runs without tensors on the GPU, and without times of layers.';
      throw createError(why.code, { message: why.reason, hint });
    }
    const own = this.#own;
    const before = this.#degraded;
    try {
      const result = await own.run(work);
      this.#pauseMs = firstPauseMs;
      // Of runs that began before it failed, nothing is to be learned.
      if (before !== undefined && before === this.#degraded && !this.#isLost) this.#recovered();
      return result;
    } catch (error) {
      if (!isOfDevice(error) || (!isMovable && error.code !== 'DEVICE_LOST')) throw error;
      // A run of a runner that was replaced since tells nothing of what came after it.
      if (own === this.#own && !this.#isLost) {
        this.#failed(error);
        if (this.#isLost) this.#tellOthers(error);
      }
      if (!isMovable) throw error;
      return await this.#runOnCpu(work, { code: error.code, reason: error.message }, signal).catch((later: unknown) => {
        // What it reads was given back after the call, so that it cannot be read again.
        throw later instanceof DisposedError ? error : later;
      });
    }
  }

  #failed({ code, message }: FoveateError): void {
    const own = this.#own;
    const isNew = this.#degraded?.code !== code;
    if (isNew || this.#degraded === undefined) this.#degraded = { code, reason: message, since: new Date() };
    // Another object: a run that began before this failure does not end it.
    else this.#degraded = { ...this.#degraded };
    if (code === 'DEVICE_LOST') {
      this.#isLost = true;
      this.#pause();
      this.#returning = this.#finish(own.close(), 'What was on the lost device was not closed');
    }
    const from = own.runner.choice.device;
    if (isNew) publish('foveate:session.fallback', { model: this.#model, from, to: 'cpu', code, reason: message });
  }

  /** Who has another GPU besides goes on with that. */
  #tellOthers(error: FoveateError): void {
    const gpus = this.#recovery?.gpus ?? [];
    for (const one of known) {
      const other = one.deref();
      if (other === undefined) known.delete(one);
      else if (!other.#isLost && other.#recovery?.gpus.every((gpu) => gpus.includes(gpu))) other.#failed(error);
    }
  }

  async #runOnCpu<T>(
    work: (runner: R) => Promise<T>,
    why: Pick<Degraded, 'code' | 'reason'>,
    signal: AbortSignal | undefined,
  ): Promise<T> {
    const cpu = this.#cpu ?? (await unlessAborted(this.#openCpu(why), signal));
    return await cpu.run(work);
  }

  /** Opened once for all runs that wait for it. A failure is told to these, and the next run tries again. */
  #openCpu({ code, reason }: Pick<Degraded, 'code' | 'reason'>): Promise<Served<R>> {
    const open = async (): Promise<Served<R>> => {
      try {
        const runner = await (this.#recovery as Recovery<R>).onCpu(`took over: ${reason}`);
        return (this.#cpu = new Served(runner));
      } catch (cause) {
        throw createError(code, {
          message: `${reason}. The CPU could not take over: ${messageOf(cause)}`,
          hint: cause instanceof FoveateError ? cause.hint : undefined,
          cause,
        });
      } finally {
        this.#openingCpu = undefined;
      }
    };
    return (this.#openingCpu ??= open());
  }

  #tryToReturn(): void {
    if (this.#returning !== undefined || this.#stop.signal.aborted || performance.now() < this.#nextAttempt) return;
    this.#returning = this.#finish(this.#return(this.#recovery as Recovery<R>), 'The device that was lost is not back');
  }

  async #return(recovery: Recovery<R>): Promise<void> {
    this.#pause();
    const runner = await recovery.again(this.#stop.signal);
    this.#own = new Served(runner);
    this.#isLost = false;
    if (!this.#stop.signal.aborted) this.#recovered();
  }

  async #finish(returning: Promise<void>, failure: string): Promise<void> {
    try {
      await returning;
    } catch (error) {
      if (!this.#stop.signal.aborted) this.#log('warning', `${failure}: ${messageOf(error)}`);
    } finally {
      this.#returning = undefined;
    }
  }

  /** A device that is lost at once again is not opened at once again: only a run that ends well makes the pause short. */
  #pause(): void {
    this.#nextAttempt = performance.now() + this.#pauseMs;
    this.#pauseMs = Math.min(2 * this.#pauseMs, longestPauseMs);
  }

  #recovered(): void {
    const { code, since } = this.#degraded as Degraded;
    this.#degraded = undefined;
    const { device } = this.#own.runner.choice;
    publish('foveate:session.recover', { model: this.#model, device, code, degradedMs: Date.now() - since.getTime() });
  }

  async #build(building: NonNullable<Opened<R>['building']>): Promise<void> {
    const started = performance.now();
    let failure: string | undefined;
    try {
      const { runner, recovery } = await building(this.#stop.signal);
      // From here on runs begin on the new one; the old one is closed when its own have ended.
      const old = this.#own;
      this.#own = new Served(runner);
      this.#recovery = recovery;
      this.#retiring.push(old.close().catch((error: unknown) => this.#log('warning', messageOf(error))));
    } catch (error) {
      failure = messageOf(error);
      if (!this.#stop.signal.aborted) this.#log('warning', `No engine was built in the background: ${failure}`);
    }
    const { device, reason } = this.#own.runner.choice;
    publish('foveate:session.build', { model: this.#model, device, reason, failure, buildMs: performance.now() - started });
  }

  #log(level: 'info' | 'warning', message: string): void {
    publish('foveate:log', { level, runtime: 'foveate', origin: this.#model ?? '', message, requestIds: [] });
  }

  /** Aborts what is opened or built in the background. To be called before the wait for runs under way. */
  stop(): void {
    this.#stop.abort();
  }

  /** Frees all of it. To be called once, when no run is under way. */
  async close(): Promise<void> {
    known.delete(this.#self);
    this.stop();
    await Promise.all([this.building, this.#returning, this.#openingCpu?.catch(() => undefined)]);
    await Promise.all([...this.#retiring, this.#isLost ? undefined : this.#own.close(), this.#cpu?.close()]);
  }
}

/** Failures of a device, not of what it was given: another may well do it. */
function isOfDevice(error: unknown): error is FoveateError {
  return error instanceof FoveateError && (error.code === 'DEVICE_LOST' || error.code === 'CUDA_OUT_OF_MEMORY');
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}

/** The outcome of `promise`, which goes on, or ABORTED as soon as the signal is aborted. */
async function unlessAborted<T>(promise: Promise<T>, signal: AbortSignal | undefined): Promise<T> {
  if (signal === undefined) return await promise;
  return await new Promise<T>((resolve, reject) => {
    const onAbort = (): void => reject(aborted(signal));
    if (signal.aborted) onAbort();
    signal.addEventListener('abort', onAbort, { once: true });
    promise.then(resolve, reject).finally(() => signal.removeEventListener('abort', onAbort));
  });
}
