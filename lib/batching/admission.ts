import { QueueError } from '../errors/index.js';
import type { BatchRequest, Call } from './call.js';
import { Chain, type Link } from './chain.js';
import type { BatcherSettings } from './options.js';
import type { Scheduler } from './scheduler.js';

/** Keeps the samples that wait within the bound: who may wait in the queue, who outside, and who has to go. */
export class Admission<Item, Result extends object> {
  readonly #scheduler: Scheduler<Item, Result>;
  readonly #settings: BatcherSettings;
  readonly #giveUp: (call: Call<Item, Result>, error: unknown) => void;
  /** Calls that wait for room, in their order. */
  readonly #outside = new Chain<Call<Item, Result>>();
  readonly #links = new Map<Call<Item, Result>, Link<Call<Item, Result>>>();

  constructor(
    scheduler: Scheduler<Item, Result>,
    settings: BatcherSettings,
    giveUp: (call: Call<Item, Result>, error: unknown) => void,
  ) {
    this.#scheduler = scheduler;
    this.#settings = settings;
    this.#giveUp = giveUp;
  }

  /** Calls that wait outside. */
  get blocked(): number {
    return this.#links.size;
  }

  isOutside(call: Call<Item, Result>): boolean {
    return this.#links.has(call);
  }

  /** Throws QUEUE_FULL for a call that finds no room and may not wait for it; for 'shed-oldest', makes room. Its parts are not looked at. */
  checkRoom(samples: number, priority: number): void {
    const { maxQueueSamples, whenFull } = this.#settings;
    if (samples > maxQueueSamples) {
      throw new QueueError('QUEUE_FULL', {
        message: `Expected a request of at most ${maxQueueSamples} samples, which is all that may wait, but received ${samples}`,
        hint: 'Make it several requests, or raise maxQueueSamples.',
        details: { maxQueueSamples, samples },
      });
    }
    if (whenFull === 'block' || this.#hasRoom(samples)) return;
    if (whenFull === 'reject') throw this.#full(samples);
    while (!this.#hasRoom(samples)) {
      const { queue } = this.#scheduler;
      const victim = queue.victim(priority, queue.samples + samples - maxQueueSamples);
      if (victim === undefined) throw this.#full(samples);
      this.#giveUp(victim.call, this.#shed(victim));
    }
  }

  /** The call has been checked. It waits in the queue from now on, or outside until there is room. */
  enter(call: Call<Item, Result>): void {
    if (this.#links.size === 0 && this.#hasRoom(call.samples)) for (const part of call.parts) this.#scheduler.add(part);
    else this.#links.set(call, this.#outside.add(call));
  }

  /** A call is waited for no more. Whether it waited outside. */
  leave(call: Call<Item, Result>): boolean {
    const link = this.#links.get(call);
    if (link === undefined) return false;
    this.#links.delete(call);
    this.#outside.remove(link);
    return true;
  }

  /** Lets those in for whom there is room now. */
  letIn(): void {
    for (let call = this.#outside.first; call !== undefined && this.#hasRoom(call.samples); call = this.#outside.first) {
      this.leave(call);
      for (const part of call.parts) this.#scheduler.add(part);
    }
  }

  #hasRoom(samples: number): boolean {
    return this.#scheduler.queue.samples + samples <= this.#settings.maxQueueSamples;
  }

  #full(samples: number): QueueError {
    const { queue } = this.#scheduler;
    const retryAfterMs = this.#scheduler.drainMs();
    return new QueueError('QUEUE_FULL', {
      message: `Expected room for ${samples} more samples, but ${queue.samples} of at most ${this.#settings.maxQueueSamples} wait already`,
      hint: "Try again later (details.retryAfterMs), send less, or have calls wait: whenFull: 'block'.",
      details: { waiting: queue.samples, maxQueueSamples: this.#settings.maxQueueSamples, samples, retryAfterMs },
    });
  }

  #shed({ call }: BatchRequest<Item, Result>): QueueError {
    return new QueueError('QUEUE_FULL', {
      message: `The request was given up for newer ones: ${this.#settings.maxQueueSamples} samples waited`,
      hint: "Try again later (details.retryAfterMs), or have calls wait: whenFull: 'block'.",
      details: { samples: call.samples, shed: true, retryAfterMs: this.#scheduler.drainMs() },
    });
  }
}
