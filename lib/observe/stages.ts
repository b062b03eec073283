/** Where the time of a call went: stages, each so long after the call, in milliseconds. */
import type { BatchedRequest, PictureTimes, SessionRunEvent } from '../events/index.js';

export interface Stage {
  readonly name: string;
  readonly afterMs: number;
  readonly ms: number;
}

/**
 * A request waits for its place in a batch, is prepared, and waits for the batch to run. None of one that was larger than a batch: its parts were in several stages at the
 * same time.
 */
export function stagesOfBatched(batched: BatchedRequest): Stage[] {
  if (batched.batches > 1) return [];
  const { preprocessAfterMs, preprocessMs, computeAfterMs, computeMs, postprocessMs } = batched;
  const preparedMs = preprocessAfterMs + preprocessMs;
  return happened([
    { name: 'queue', afterMs: 0, ms: preprocessAfterMs },
    { name: 'preprocess', afterMs: preprocessAfterMs, ms: preprocessMs },
    { name: 'queue', afterMs: preparedMs, ms: computeAfterMs - preparedMs },
    { name: 'compute', afterMs: computeAfterMs, ms: computeMs },
    { name: 'postprocess', afterMs: computeAfterMs + computeMs, ms: postprocessMs },
  ]);
}

/** Of a call with one picture; the stages of several overlap. */
export function stagesOfPictures(timings: readonly PictureTimes[], totalMs: number): Stage[] {
  const [timing] = timings;
  if (timing === undefined || timings.length > 1) return [];
  return endingAt(totalMs, {
    decode: timing.decodeMs,
    preprocess: timing.preprocessMs,
    queue: timing.queueMs,
    transfer: timing.transferMs,
    compute: timing.computeMs,
    postprocess: timing.postprocessMs,
  });
}

export function stagesOfRun({ totalMs, queueMs, uploadMs, computeMs, downloadMs }: SessionRunEvent): Stage[] {
  return endingAt(totalMs, { queue: queueMs, upload: uploadMs, compute: computeMs, download: downloadMs });
}

/** One after the other, the last at the end: what was not measured came first. */
function endingAt(totalMs: number, durations: Readonly<Record<string, number>>): Stage[] {
  let afterMs = totalMs - Object.values(durations).reduce((sum, ms) => sum + ms, 0);
  const stages = Object.entries(durations).map(([name, ms]) => {
    const stage = { name, afterMs, ms };
    afterMs += ms;
    return stage;
  });
  return happened(stages);
}

function happened(stages: readonly Stage[]): Stage[] {
  return stages.filter(({ ms }) => ms > 0);
}
