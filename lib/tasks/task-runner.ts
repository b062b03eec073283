import type { Preprocess } from '../image/index.js';
import type { Runner, Session } from '../session/index.js';
import { pixelsAsTheyAre } from './baked-preprocess.js';

/** Makes of the preprocessing that a model wants the one that a session wants. */
export type Feed = (preprocess: Preprocess) => Preprocess;

/** A session of a task's model, and what feeds it. */
export interface TaskRunner extends Runner {
  readonly session: Session;
  readonly feed: Feed;
}

export function taskRunner(session: Session, feed: Feed): TaskRunner {
  const { device, deviceReason: reason } = session;
  return { session, feed, choice: { device, reason }, close: () => session.dispose() };
}

/** Of a session that takes what the model does. */
export const asItIs: Feed = (preprocess) => preprocess;

/** Of an engine that normalises its input by itself. All calls of a task have one preprocessing: it is changed once. */
export function pixels(): Feed {
  let last: { readonly own: Preprocess; readonly fed: Preprocess } | undefined;
  return (own) => {
    if (last?.own !== own) last = { own, fed: own.with(pixelsAsTheyAre) };
    return last.fed;
  };
}
