/** How a model or a server behaves under load. */
import { arch, availableParallelism, cpus, platform } from 'node:os';
import { monitorEventLoopDelay } from 'node:perf_hooks';

import { realClock } from '../../batching/clock.js';
import { aborted, packageVersion } from '../../binding/index.js';
import { invalidArgument } from '../../errors/index.js';
import { percentiles } from '../percentiles.js';
import { arrivals } from './arrivals.js';
import { notesOf } from './load-notes.js';
import { checkedLoadOptions, type CheckedLoadOptions, type CheckedLoop, type LoadOptions } from './load-options.js';
import {
  batchingOf,
  countLoad,
  judgeLoad,
  loadSchema,
  type ClosedLoop,
  type LoadGenerator,
  type LoadReport,
  type OpenLoop,
} from './load-report.js';
import { runLoad, type LoadAccount, type LoadLoop } from './load-run.js';
import type { LoadTarget } from './load-target.js';
import { openModelTarget } from './model-target.js';
import { UrlTarget } from './url-target.js';

/** Answers are waited for so much longer. */
const drainMs = 10_000;
/** How often the event loop is looked at; what it is behind comes on top of this. */
const resolutionMs = 5;

/**
 * Sends requests to a model behind a `DynamicBatcher`, or to a server, and tells how long they took, second by second.
 *
 * In an open loop (`rate` or a `shape`) they come when they come, however long earlier ones take, and a response time begins at the intended start: what had to wait because of a stall counts,
 * which a generator that waits for its answers would omit (coordinated omission). Service times, from when a request was sent, are told apart. In a closed loop (`concurrency`) there is no intended
 * start, and both are the same.
 *
 *     const { responseMs, rate } = await loadTest('http://127.0.0.1:8080/detect', { rate: 50, durationMs: 30_000 });
 *     const report = await loadTest('model.onnx', { shape: 'ramp:10..200', deadlineMs: 250 });
 *
 * Failures of requests are counted by their code or status, and no error of the test. Rejects where a model cannot be opened or its first calls fail, and with INVALID_ARGUMENT, UNKNOWN_OPTION; ABORTED before the first request.
 */
export async function loadTest(target: string | URL, options: LoadOptions): Promise<LoadReport> {
  const url = urlOf(target);
  const checked = checkedLoadOptions(options, url !== undefined);
  const { signal } = checked;
  if (signal?.aborted) throw aborted(signal);
  const made = new Date().toISOString();
  await using opened = url === undefined ? await openModelTarget(target, checked) : new UrlTarget(url, checked.request);
  const { account, generator, elapsedMs } = await underLoad(opened, checked);
  const numbers = countLoad(account, account.interrupted ? Math.min(elapsedMs, checked.durationMs) : checked.durationMs);
  const about = {
    loop: loopOf(checked.loop),
    generator,
    target: { kind: opened.kind, name: opened.name, device: opened.device ?? null },
  };
  return {
    ...loadSchema,
    ...{ foveate: packageVersion, made, interrupted: account.interrupted },
    target: about.target,
    machine: {
      ...{ cpu: cpus()[0]?.model.trim() || 'unknown', cores: availableParallelism() },
      ...{ platform: `${platform()} ${arch()}`, node: process.version },
    },
    ...{ loop: about.loop, durationMs: checked.durationMs, deadlineMs: checked.deadlineMs ?? null, seed: checked.seed },
    ...numbers,
    ...{ batching: batchingOf(opened.statistics()), generator },
    notes: notesOf(numbers, about),
    verdicts: judgeLoad(account, numbers, checked),
  };
}

/** undefined where it is the path of a model. */
function urlOf(target: string | URL): URL | undefined {
  if (target instanceof URL ? !/^https?:$/.test(target.protocol) : typeof target !== 'string' || !/^https?:/i.test(target))
    return undefined;
  if (!URL.canParse(String(target))) throw invalidArgument('target', 'a URL or the path of a model', target);
  const url = new URL(target);
  if (url.username !== '' || url.password !== '') {
    throw invalidArgument(
      'target',
      'a URL without a name and a password',
      `${url.origin}${url.pathname}`,
      'Give a header: Authorization.',
    );
  }
  return url;
}

async function underLoad(
  target: LoadTarget,
  { loop, durationMs, deadlineMs, seed, signal, onProgress }: CheckedLoadOptions,
): Promise<{ readonly account: LoadAccount; readonly generator: LoadGenerator; readonly elapsedMs: number }> {
  const behind = monitorEventLoopDelay({ resolution: resolutionMs });
  const startedAt = performance.now();
  const cpuBefore = process.cpuUsage();
  const total = Math.ceil(durationMs / 1000);
  const ticking = setInterval(
    () => onProgress?.(Math.min(total, Math.floor((performance.now() - startedAt) / 1000)), total),
    1000,
  );
  behind.enable();
  try {
    const run = { loop: runnableLoop(loop, seed), durationMs, deadlineMs, drainMs, signal };
    const account = await runLoad(target, run, realClock);
    const elapsedMs = performance.now() - startedAt;
    const { user, system } = process.cpuUsage(cpuBefore);
    const delayMs = (nanoseconds: number): number => Math.max(0, nanoseconds / 1e6 - resolutionMs);
    const late = account.intendedMs.map((intended, i) => (account.takenMs[i] as number) - intended);
    return {
      account,
      elapsedMs,
      generator: {
        lagMs: percentiles(late),
        eventLoopDelayMs: { p50: delayMs(behind.percentile(50)), p99: delayMs(behind.percentile(99)), max: delayMs(behind.max) },
        held: account.held,
        cores: (user + system) / 1000 / elapsedMs,
      },
    };
  } finally {
    clearInterval(ticking);
    behind.disable();
  }
}

function runnableLoop(loop: CheckedLoop, seed: number): LoadLoop {
  if (loop.kind === 'closed') return loop;
  return { kind: 'open', arrivals: arrivals(loop.shape, { arrivals: loop.arrivals, seed }), maxInFlight: loop.maxInFlight };
}

function loopOf(loop: CheckedLoop): OpenLoop | ClosedLoop {
  if (loop.kind === 'closed') return loop;
  return { kind: 'open', arrivals: loop.arrivals, shape: loop.text, maxInFlight: loop.maxInFlight };
}
