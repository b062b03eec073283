/** What is to be known of the numbers of a load test: a pure function of them. */
import { unfinished } from './load-run.js';
import type { LoadNumbers, LoadReport } from './load-report.js';

/** A generator that is later than this, and than a part of what it measures, shows in the numbers. */
const [lateMs, latePart] = [5, 0.1];
/** Below this part of the intended rate, the target does not keep up. */
const keptUp = 0.95;
/** From so many requests on, a rate that is short of the intended one is no accident of the last few. */
const enoughRequests = 20;

export function notesOf(
  { requests, rate, responseMs, serviceMs }: LoadNumbers,
  { loop, generator, target }: Pick<LoadReport, 'loop' | 'generator' | 'target'>,
): string[] {
  const notes: string[] = [];
  const { lagMs, eventLoopDelayMs, held } = generator;
  const lag = lagMs.p99 ?? 0;
  if (lag > lateMs && lag > latePart * (responseMs.p99 ?? 0)) {
    const whose =
      target.kind === 'model' ? 'it shares its thread with what serves the model' : 'the target may be faster than it looks';
    notes.push(
      `The generator was the bottleneck at times: it got to requests up to ${text(lag)} late (p99), with an event loop ${text(eventLoopDelayMs.p99)} behind; ${whose}.`,
    );
  }
  if (loop.kind === 'open') {
    if (held > 0) {
      notes.push(
        `${held} of ${requests.intended} requests were held back because ${loop.maxInFlight} were in flight; the response times hold that, the service times do not.`,
      );
    }
    if (requests.intended >= enoughRequests && rate.achieved < keptUp * rate.intended) {
      notes.push(
        `The target does not keep up: ${rate.achieved.toFixed(1)} answers a second of ${rate.intended.toFixed(1)} requests.`,
      );
    }
    const [response, service] = [responseMs.p99, serviceMs.p99];
    if (response !== null && service !== null && response > 2 * service && response - service > lateMs) {
      notes.push(
        `From their intended start requests took ${text(response)} (p99), from when they were sent ${text(service)}: who measures the latter alone omits the waiting.`,
      );
    }
  } else {
    notes.push(
      'In a closed loop a request is sent once another was answered: what would have come during a stall is missing, and response times are service times. An open loop (--rate) shows it.',
    );
  }
  const left = requests.outcomes[unfinished] ?? 0;
  if (left > 0) notes.push(`${left} ${left === 1 ? 'request was' : 'requests were'} not answered before the test ended.`);
  return notes;
}

function text(ms: number): string {
  return ms >= 100 ? `${ms.toFixed(0)} ms` : `${ms.toPrecision(3)} ms`;
}
