/** What a `DynamicBatcher` is to do, as plain as possible: lists that are searched and sorted anew each time. It shares no code with the batcher but `BatchSizes`, tested for itself. */
import { BatchSizes } from '../../lib/batching/batch-sizes.js';
import { slicePrepareMs } from './fakes.js';
import { callerOf, groupOf, idOf, largestFilled, liveOf, oldestUnseated, Shares, startOf, sum } from './model-parts.js';
import type { Answer, Batch, Call, Part, Place, Setting, TraceEvent, Waits } from './model-parts.js';

export class Model {
  readonly answers: Answer[] = [];
  readonly runs: { at: number; ids: number[] }[] = [];
  readonly #setting: Setting;
  #now = 0;
  #sequence = 0;
  #turn = 0;
  #opened = 0;
  /** Batches that are closed, and not done. */
  #busy = 0;
  #onLanes = 0;
  #forLanes: { batch: Batch; start: () => void }[] = [];
  #idleSince = -Infinity;
  #flushedTo = -1;
  #lookAt = Infinity;
  #isUnsettled = false;
  readonly #calls: Call[] = [];
  #outside: Call[] = [];
  #forming: Batch[] = [];
  readonly #shares = new Shares(() => this.#queue);
  readonly #sizes = new Map<string, BatchSizes>();
  readonly #waits = new Map<string, Waits>();
  #later: { at: number; what: () => void }[] = [];

  constructor(setting: Setting) {
    this.#setting = setting;
  }

  simulate(trace: readonly TraceEvent[], until: number): void {
    const events = [...trace];
    for (;;) {
      const later = this.#later.reduce<{ at: number; what: () => void } | undefined>(
        (a, b) => (a && a.at <= b.at ? a : b),
        undefined,
      );
      const at = Math.min(events[0]?.at ?? Infinity, later?.at ?? Infinity, this.#lookAt);
      if (at > until) return;
      this.#now = at;
      if (at === this.#lookAt) this.#lookAt = Infinity;
      else if (at === later?.at) {
        this.#later = this.#later.filter((event) => event !== later);
        later.what();
      } else this.#apply(events.shift() as TraceEvent);
      this.#look();
    }
  }

  #after(ms: number, what: () => void): void {
    this.#later.push({ at: this.#now + ms, what });
  }

  #apply(event: TraceEvent): void {
    if (event.kind === 'flush') this.#flushedTo = this.#sequence - 1;
    else if (event.kind === 'abort')
      this.#giveUp(
        this.#calls.find(({ event: { item } }) => item.id === event.id),
        'ABORTED',
      );
    else this.#send(event);
  }

  get #queue(): Part[] {
    return this.#calls.flatMap(({ parts }) => parts).filter(({ isWaiting }) => isWaiting);
  }

  #hasRoom(samples: number): boolean {
    return sum(this.#queue) + samples <= this.#setting.maxQueueSamples;
  }

  #send(event: Extract<TraceEvent, { kind: 'send' }>): void {
    const { item, priority, deadlineMs } = event;
    const { maxQueueSamples, whenFull, maxBatch } = this.#setting;
    const refuse = (): void => void this.answers.push({ id: item.id, at: this.#now, code: 'QUEUE_FULL', batches: [] });
    if (item.samples > maxQueueSamples) return refuse();
    while (!this.#hasRoom(item.samples) && whenFull !== 'block') {
      const lower = this.#queue.filter(({ call }) => call.event.priority <= priority);
      if (whenFull === 'reject' || sum(this.#queue) - sum(lower) + item.samples > maxQueueSamples) return refuse();
      const [victim] = lower.sort((a, b) => a.call.event.priority - b.call.event.priority || a.sequence - b.sequence);
      this.#giveUp(victim?.call, 'QUEUE_FULL');
    }
    const call: Call = {
      event,
      parts: [],
      deadlineAt: this.#now + (deadlineMs ?? Infinity),
      outcome: undefined,
      isAnswered: false,
    };
    for (let start = 0; start < item.samples; start += maxBatch) {
      const samples = Math.min(item.samples - start, maxBatch);
      const prepareMs = slicePrepareMs(item, start);
      call.parts.push({
        call,
        sequence: this.#sequence++,
        samples,
        prepareMs,
        isWaiting: false,
        seat: undefined,
        batch: undefined,
      });
    }
    this.#calls.push(call);
    this.#outside.push(call);
    this.#letIn();
  }

  #letIn(): void {
    for (let call = this.#outside[0]; call !== undefined && this.#hasRoom(call.event.item.samples); call = this.#outside[0]) {
      this.#outside.shift();
      for (const part of call.parts) {
        const share = this.#shares.of(part);
        const caller = callerOf(part);
        const isNew = !this.#shares.unseated(part).some((other) => callerOf(other) === caller);
        if (isNew) share.starts.set(caller, Math.max(share.starts.get(caller) ?? 0, share.position));
        part.isWaiting = true;
      }
    }
  }

  #giveUp(call: Call | undefined, code: string): void {
    if (call === undefined || call.isAnswered) return;
    this.#leave(call);
    this.#answer(call, code);
    this.#answerInOrder();
  }

  #fail(call: Call, code: string): void {
    if (call.outcome !== undefined || call.isAnswered) return;
    call.outcome = code;
    this.#leave(call);
    this.#answerInOrder();
  }

  #leave(call: Call): void {
    this.#isUnsettled = true;
    this.#outside = this.#outside.filter((other) => other !== call);
    for (const part of call.parts) {
      const wasUnseated = part.isWaiting && part.seat === undefined;
      part.isWaiting = false;
      if (wasUnseated) this.#shares.forget(part);
      if (part.seat !== undefined) this.#unseat(part);
    }
    this.#letIn();
  }

  #unseat(part: Part): void {
    const { batch, place } = part.seat as NonNullable<Part['seat']>;
    place.part = undefined;
    part.seat = undefined;
    if (liveOf(batch).length > 0) return;
    this.#forming = this.#forming.filter((other) => other !== batch);
    if (!this.#forLanes.some((waiting) => waiting.batch === batch)) return;
    this.#forLanes = this.#forLanes.filter((waiting) => waiting.batch !== batch);
    this.#done();
  }

  #answer(call: Call, code: string | undefined): void {
    call.isAnswered = true;
    const batches = code === undefined ? call.parts.map(({ batch }) => batch as string) : [];
    this.answers.push({ id: call.event.item.id, at: this.#now, code, batches });
  }

  #answerInOrder(): void {
    for (const call of this.#calls) {
      const { caller, priority, item } = call.event;
      const isBefore = (other: Call): boolean =>
        other !== call &&
        !other.isAnswered &&
        this.#calls.indexOf(other) < this.#calls.indexOf(call) &&
        other.event.caller === caller &&
        other.event.priority === priority &&
        other.event.item.group === item.group;
      if (call.isAnswered || call.outcome === undefined) continue;
      if (caller !== undefined && this.#calls.some(isBefore)) continue;
      this.#answer(call, call.outcome === 'ok' ? undefined : call.outcome);
    }
  }

  #look(): void {
    do {
      this.#isUnsettled = false;
      for (const call of this.#calls) if (call.deadlineAt <= this.#now) this.#giveUp(call, 'DEADLINE_EXCEEDED');
      this.#isUnsettled = false;
      let lookAt = this.#close();
      while (lookAt === 'closed') lookAt = this.#close();
      this.#form();
      const deadlines = this.#calls.filter(({ isAnswered }) => !isAnswered).map(({ deadlineAt }) => deadlineAt);
      this.#lookAt = Math.min(lookAt, ...deadlines);
    } while (this.#isUnsettled);
  }

  /** Closes the batch that is to be closed next; otherwise tells when to look again. */
  #close(): 'closed' | number {
    const { lanes, ahead } = this.#setting;
    if (this.#busy >= lanes + ahead) return Infinity;
    const isLaneIdle = this.#busy < lanes;
    const groups = [...new Set(this.#queue.map(groupOf))].map((group) => {
      const parts = this.#queue.filter((part) => groupOf(part) === group);
      const samples = sum(parts);
      const sizes = this.#sizesOf(group).sizes(samples);
      const oldestAt = Math.min(...parts.map(({ call }) => call.event.at));
      const deadlineAt = Math.min(...parts.map(({ call }) => call.deadlineAt));
      const startBy = deadlineAt - 1.25 * this.#sizesOf(group).expectedMs(samples) - 2;
      const dueAt = oldestAt + this.#setting.maxDelayMs;
      const { found, hurried, retryAfter } = this.#waitsOf(group);
      const brings = found.length < 3 || hurried >= retryAfter || found.some((size) => size > samples);
      let reason: string | undefined;
      const isAhead = this.#busy >= lanes && this.#busy >= lanes + Math.ceil(ahead / Math.min(...sizes));
      if (samples >= Math.min(...sizes) && !isAhead) reason = 'full';
      else if (!isLaneIdle) reason = undefined;
      else if (parts.some(({ sequence }) => sequence <= this.#flushedTo)) reason = 'flush';
      else if (this.#now >= dueAt && this.#idleSince > dueAt) reason = 'idle-lane';
      else if (this.#now >= dueAt) reason = 'delay';
      else if (this.#now >= startBy) reason = 'deadline';
      else if (!brings) reason = 'idle-lane';
      const priority = Math.max(...parts.map(({ call }) => call.event.priority));
      return { group, reason, oldestAt, priority, lookAt: Math.min(dueAt, startBy) };
    });
    const ready = groups.filter(({ reason }) => reason !== undefined);
    if (ready.length === 0 && !isLaneIdle) return Infinity;
    if (ready.length === 0) return Math.min(Infinity, ...groups.map(({ lookAt }) => lookAt));
    const isOldestFirst = this.#turn % 16 === 15;
    ready.sort((a, b) => (isOldestFirst ? 0 : b.priority - a.priority) || a.oldestAt - b.oldestAt);
    const { group, reason } = ready[0] as (typeof groups)[number];
    this.#turn++;
    this.#fill(group);
    const batch = this.#forming.find((forming) => forming.group === group);
    if (batch !== undefined) this.#start(batch, reason as string);
    return 'closed';
  }

  #start(batch: Batch, reason: string): void {
    this.#forming = this.#forming.filter((other) => other !== batch);
    batch.isClosed = true;
    for (const part of liveOf(batch)) part.isWaiting = false;
    const waits = this.#waitsOf(batch.group);
    if (reason === 'idle-lane') waits.hurried++;
    if (reason === 'delay') {
      if (waits.hurried >= waits.retryAfter) {
        const isMore = waits.found.every((size) => size < sum(liveOf(batch)));
        waits.retryAfter = isMore ? 32 : Math.min(1024, 2 * waits.retryAfter);
      }
      waits.hurried = 0;
      waits.found.push(sum(liveOf(batch)));
      waits.found.splice(0, waits.found.length - 3);
    }
    this.#busy++;
    this.#letIn();
    batch.begin = () => {
      batch.begin = undefined;
      if (liveOf(batch).length === 0) return this.#done();
      this.#onLane(batch, () => {
        const parts = liveOf(batch).sort((a, b) => startOf(a) - startOf(b));
        const size = sum(parts);
        this.#run(batch, parts, `${batch.capacity} ${reason}`, size, () => {
          this.#onLanes--;
          this.#forLanes.shift()?.start();
          this.#done();
        });
      });
    };
    this.#maybeBegin(batch);
  }

  #done(): void {
    if (this.#busy-- === this.#setting.lanes) this.#idleSince = this.#now;
  }

  #onLane(batch: Batch, run: () => void): void {
    const start = (): void => {
      this.#onLanes++;
      run();
    };
    if (this.#onLanes < this.#setting.lanes) start();
    else this.#forLanes.push({ batch, start });
  }

  #maybeBegin(batch: Batch): void {
    if (batch.places.every(({ readyAt }) => readyAt <= this.#now)) batch.begin?.();
  }

  #run(batch: Batch, given: readonly Part[], why: string, whole: number, then: () => void): void {
    const parts = given.filter(({ seat }) => seat?.batch === batch);
    const size = sum(parts);
    if (size === 0) {
      then();
      return;
    }
    this.runs.push({ at: this.#now, ids: parts.map(idOf) });
    const ms = parts.reduce((total, { call }) => total + call.event.item.runMs, 0);
    this.#after(ms, () => {
      const faulty = parts.filter(({ call }) => call.event.item.fault === 'run');
      if (faulty.length > 0 && parts.length > 1) {
        const half = parts.length >> 1;
        this.#run(batch, parts.slice(0, half), why, 0, () => this.#run(batch, parts.slice(half), why, 0, then));
        return;
      }
      if (faulty.length === 0 && whole > 0) this.#sizesOf(batch.group).record(size, ms);
      for (const part of parts) {
        if (part.seat?.batch !== batch) continue;
        const { fault } = part.call.event.item;
        if (fault === 'run' || fault === 'finish') this.#fail(part.call, 'ENGINE_FAILED');
        else {
          this.#unseat(part);
          part.batch = `${size} of ${why}`;
          if (part.call.parts.every(({ batch: done }) => done !== undefined)) part.call.outcome = 'ok';
          this.#answerInOrder();
        }
      }
      if (this.#isUnsettled) this.#look(); // the lane is not free yet
      then();
    });
  }

  #form(): void {
    for (const { group } of [...this.#forming]) this.#fill(group);
    while (this.#forming.length < this.#setting.lanes) {
      const candidates = this.#queue.filter(
        (part) => part.seat === undefined && !this.#forming.some(({ group }) => group === groupOf(part)),
      );
      const groups = [...new Set(candidates.map(groupOf))].map((group) => {
        const parts = this.#queue.filter((part) => groupOf(part) === group);
        const priority = Math.max(...parts.map(({ call }) => call.event.priority));
        return { group, priority, oldest: Math.min(...parts.map(({ sequence }) => sequence)) };
      });
      if (groups.length === 0) return;
      const isOldestFirst = this.#opened % 16 === 15;
      groups.sort((a, b) => (isOldestFirst ? 0 : b.priority - a.priority) || a.oldest - b.oldest);
      this.#fill((groups[0] as (typeof groups)[number]).group);
    }
  }

  #fill(group: string): void {
    const ofGroup = (): Part[] => this.#queue.filter((part) => groupOf(part) === group);
    const waiting = sum(ofGroup());
    const limit = largestFilled(this.#sizesOf(group).sizes(waiting), waiting);
    for (;;) {
      const turns = this.#shares.turns(ofGroup().filter(({ seat }) => seat === undefined));
      let batch = this.#forming.find((forming) => forming.group === group);
      const next = batch === undefined && this.#opened % 16 === 15 ? oldestUnseated(ofGroup()) : turns[0];
      if (next === undefined) return;
      if (batch === undefined) {
        const sizes = this.#sizesOf(group).sizes(sum(ofGroup()));
        batch = { group, capacity: Math.max(next.samples, ...sizes), places: [], isClosed: false, begin: undefined };
        this.#forming.push(batch);
        this.#opened++;
      }
      const taken = sum(liveOf(batch));
      if (taken > 0 && taken + next.samples > limit) return;
      const [free] = batch.places
        .filter(
          ({ isUsed, part, readyAt, samples }) =>
            !isUsed && part === undefined && readyAt <= this.#now && samples === next.samples,
        )
        .sort((a, b) => a.start - b.start);
      const extent = Math.max(0, ...batch.places.map(({ start, samples }) => start + samples));
      if (free === undefined && extent + next.samples > batch.capacity) return;
      this.#seat(next, batch, free?.start ?? extent, free, turns[0]);
    }
  }

  #seat(part: Part, batch: Batch, start: number, free: Place | undefined, first: Part | undefined): void {
    const share = this.#shares.of(part);
    const caller = callerOf(part);
    const served = share.starts.get(caller) as number;
    const [turn] = this.#shares.turns(this.#shares.unseated(part));
    if (callerOf(turn ?? (first as Part)) === caller) share.position = served;
    share.starts.set(caller, served + part.samples);
    const { prepareMs } = part;
    const { fault } = part.call.event.item;
    const place: Place = { part, samples: part.samples, start, readyAt: this.#now + prepareMs, isUsed: false };
    if (free !== undefined) free.isUsed = true;
    batch.places.push(place);
    part.seat = { batch, place };
    this.#shares.forget(part);
    const ready = (): void => {
      if (fault === 'prepare' && place.part === part) this.#fail(part.call, 'MEDIA_INVALID');
      if (this.#isUnsettled && prepareMs > 0) this.#look(); // before the batch can begin
      this.#maybeBegin(batch);
    };
    if (prepareMs === 0) ready();
    else this.#after(prepareMs, ready);
  }

  #sizesOf(group: string): BatchSizes {
    const { maxBatch, preferredSizes } = this.#setting;
    if (!this.#sizes.has(group)) this.#sizes.set(group, new BatchSizes(maxBatch, preferredSizes));
    return this.#sizes.get(group) as BatchSizes;
  }

  #waitsOf(group: string): Waits {
    if (!this.#waits.has(group)) this.#waits.set(group, { found: [], hurried: 0, retryAfter: 32 });
    return this.#waits.get(group) as Waits;
  }
}
