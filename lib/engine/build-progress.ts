import type { NativeNotice } from '../binding/index.js';

/** How far a build is. */
export interface BuildProgress {
  /** What is being done: of the builder in its words, 'Timing graph nodes', before and after it in ours, 'Reading the model'. */
  readonly phase: string;
  /** 0 to 1; never less than before. */
  readonly fraction: number;
}

interface Phase {
  readonly name: string;
  readonly parent: Phase | undefined;
  readonly steps: number;
  done: number;
}

/** Turns the phases of a builder, which lie within one another, into one number. A phase is the step of its parent that is under way. */
export class BuildPhases {
  #current: Phase | undefined;
  #fraction = 0;

  /** What a notice changes; undefined for a line of the log. */
  hear({ kind, text, detail, number }: NativeNotice): BuildProgress | undefined {
    if (kind === 'log') return undefined;
    if (kind === 'phase') {
      const parent = this.#find(detail);
      this.#current = { name: text, parent, steps: Math.max(1, number), done: 0 };
    } else {
      const phase = this.#find(text);
      if (phase === undefined) return undefined;
      if (kind === 'step') phase.done = Math.min(phase.steps, number + 1);
      else this.#current = phase.parent;
    }
    this.#fraction = Math.max(this.#fraction, this.#sum());
    return { phase: this.#current?.name ?? text, fraction: this.#fraction };
  }

  #find(name: string): Phase | undefined {
    let phase = this.#current;
    while (phase !== undefined && phase.name !== name) phase = phase.parent;
    return phase;
  }

  #sum(): number {
    let fraction = 0;
    for (let phase = this.#current; phase !== undefined; phase = phase.parent) {
      fraction = Math.min(1, (phase.done + fraction) / phase.steps);
    }
    return fraction;
  }
}
