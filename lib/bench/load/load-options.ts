import type { DynamicBatcherOptions } from '../../batching/index.js';
import { checkInteger, checkNumber, checkOneOf, checkOptions, checkSignal, invalidArgument } from '../../errors/index.js';
import { checkedOpen, checkedShapes } from '../bench-options.js';
import type { BenchPicture } from '../bench-pictures.js';
import type { BenchTaskOptions } from '../picture-workload.js';
import type { SampleShapes } from '../tensor-workload.js';
import type { LoadLimits } from './load-report.js';
import { parseLoadShape, type LoadShape } from './load-shape.js';
import type { LoadRequest } from './url-target.js';

/** What {@link loadTest} sends, and to what. */
export interface LoadOptions extends LoadLimits {
  /** Open loop: requests a second, whatever becomes of them. Not with `concurrency`. */
  readonly rate?: number | undefined;
  /** Open loop: 'steady' (default) with `rate`, 'ramp:10..200', 'spike:50,500@10s+2s', 'steps:50,100,200', in requests a second. */
  readonly shape?: string | undefined;
  /** Open loop: 'poisson' (default), as if each came by itself, or 'constant', evenly. */
  readonly arrivals?: 'poisson' | 'constant' | undefined;
  /** Open loop: requests in flight at most; more wait, and their response times hold that. Default 1024. */
  readonly maxInFlight?: number | undefined;
  /** Closed loop: so many requests are in flight, and the next is sent when one was answered. */
  readonly concurrency?: number | undefined;
  /** Closed loop: milliseconds between an answer and the next request. Default 0; at least 1 after a request that failed. */
  readonly thinkMs?: number | undefined;
  /** In milliseconds; default 10000. Answers are waited for up to ten seconds longer. */
  readonly durationMs?: number | undefined;
  /** Within how many milliseconds of its intended start a request is to be answered; after that it fails with DEADLINE_EXCEEDED. */
  readonly deadlineMs?: number | undefined;
  /** Of arrivals and random tensors. Default 0. */
  readonly seed?: number | undefined;
  /** For a URL: what is sent. */
  readonly request?: LoadRequest | undefined;
  /** For a model: pictures that are taken in turn; without any, random tensors are sent. */
  readonly pictures?: readonly BenchPicture[] | undefined;
  /** For a model: as in `BenchOptions`. */
  readonly open?: BenchTaskOptions | undefined;
  readonly shapes?: SampleShapes | undefined;
  /** For a model: default 1. */
  readonly lanes?: number | undefined;
  readonly threads?: number | undefined;
  /** For a model: of its `DynamicBatcher`; `maxBatch` is 8 by default. */
  readonly batcher?: DynamicBatcherOptions | undefined;
  /** Told once a second. */
  readonly onProgress?: ((seconds: number, total: number) => void) | undefined;
  /** Ends it; what was measured until then is the result. */
  readonly signal?: AbortSignal | undefined;
}

const ofOpenLoop = ['rate', 'shape', 'arrivals', 'maxInFlight'] as const;
const ofModel = ['pictures', 'open', 'shapes', 'lanes', 'threads', 'batcher'] as const;
const optionNames = [
  ...[...ofOpenLoop, 'concurrency', 'thinkMs', 'durationMs', 'deadlineMs', 'seed', 'request', ...ofModel],
  ...['maxP99Ms', 'maxErrors', 'onProgress', 'signal'],
];

export type CheckedLoop =
  | {
      readonly kind: 'open';
      readonly arrivals: 'poisson' | 'constant';
      readonly shape: LoadShape;
      readonly text: string;
      readonly maxInFlight: number;
    }
  | { readonly kind: 'closed'; readonly concurrency: number; readonly thinkMs: number };

export interface CheckedLoadOptions extends LoadLimits {
  readonly loop: CheckedLoop;
  readonly durationMs: number;
  readonly deadlineMs: number | undefined;
  readonly seed: number;
  readonly request: LoadRequest;
  readonly pictures: readonly BenchPicture[] | undefined;
  readonly open: BenchTaskOptions;
  readonly shapes: SampleShapes;
  readonly lanes: number;
  readonly threads: number | undefined;
  readonly batcher: DynamicBatcherOptions;
  readonly onProgress: LoadOptions['onProgress'];
  readonly signal: AbortSignal | undefined;
}

const longestMs = 86_400_000;

/** Throws INVALID_ARGUMENT and UNKNOWN_OPTION. */
export function checkedLoadOptions(options: LoadOptions, isUrl: boolean): CheckedLoadOptions {
  checkOptions('load options', options, optionNames);
  const { pictures, threads, maxP99Ms, maxErrors, deadlineMs, signal, onProgress } = options;
  checkSignal(signal);
  refuseUnused(options, isUrl);
  if (pictures !== undefined && (!Array.isArray(pictures) || pictures.length === 0)) {
    throw invalidArgument('pictures', 'at least one picture', pictures);
  }
  const durationMs = checkNumber('durationMs', options.durationMs ?? 10_000, 10, longestMs);
  return {
    loop: checkedLoop(options, durationMs),
    durationMs,
    deadlineMs: deadlineMs === undefined ? undefined : checkNumber('deadlineMs', deadlineMs, 1, 3_600_000),
    seed: checkInteger('seed', options.seed ?? 0, 0, 2 ** 32 - 1),
    request: checkedRequest(options.request ?? {}),
    pictures,
    open: checkedOpen(options.open ?? {}, pictures !== undefined),
    shapes: checkedShapes(options.shapes ?? {}),
    lanes: checkInteger('lanes', options.lanes ?? 1, 1, 64),
    threads: threads === undefined ? undefined : checkInteger('threads', threads, 1, 1024),
    batcher: { ...options.batcher, maxBatch: options.batcher?.maxBatch ?? 8 },
    maxP99Ms: maxP99Ms === undefined ? undefined : checkNumber('maxP99Ms', maxP99Ms, 0, longestMs),
    maxErrors: maxErrors === undefined ? undefined : checkNumber('maxErrors', maxErrors, 0, 1),
    onProgress,
    signal,
  };
}

function refuseUnused(options: LoadOptions, isUrl: boolean): void {
  const refuse = (names: readonly (keyof LoadOptions)[], where: string): void => {
    const name = names.find((one) => options[one] !== undefined);
    if (name !== undefined) throw invalidArgument(name, `none with ${where}`, options[name], 'Leave it out.');
  };
  refuse(isUrl ? ofModel : ['request'], isUrl ? 'a URL' : 'a model');
  if (options.concurrency === undefined) refuse(['thinkMs'], 'an open loop');
  else refuse(ofOpenLoop, 'concurrency');
}

function checkedLoop(options: LoadOptions, durationMs: number): CheckedLoop {
  const { concurrency, rate, shape: text = 'steady' } = options;
  if (concurrency !== undefined) {
    return {
      kind: 'closed',
      concurrency: checkInteger('concurrency', concurrency, 1, 100_000),
      thinkMs: checkNumber('thinkMs', options.thinkMs ?? 0, 0, longestMs),
    };
  }
  if (typeof text !== 'string') throw invalidArgument('shape', 'a text such as ramp:10..200', text);
  return {
    kind: 'open',
    arrivals: checkOneOf('arrivals', options.arrivals ?? 'poisson', ['poisson', 'constant']),
    shape: parseLoadShape(text, rate, durationMs),
    text: text === 'steady' ? `steady:${rate}` : text,
    maxInFlight: checkInteger('maxInFlight', options.maxInFlight ?? 1024, 1, 100_000),
  };
}

function checkedRequest(request: LoadRequest): LoadRequest {
  checkOptions('request', request, ['method', 'headers', 'bodies']);
  const { method, headers, bodies } = request;
  if (method !== undefined && !/^[A-Za-z]+$/.test(method)) throw invalidArgument('method', 'a method such as POST', method);
  try {
    void new Headers({ ...headers });
  } catch (cause) {
    throw invalidArgument('headers', 'headers that HTTP allows', headers, `${(cause as Error).message}.`);
  }
  const areBytes = bodies === undefined || (Array.isArray(bodies) && bodies.every((body) => body instanceof Uint8Array));
  if (!areBytes) throw invalidArgument('bodies', 'a list of bytes', bodies);
  if (bodies !== undefined && bodies.length > 0 && /^(get|head)$/i.test(method ?? 'POST')) {
    throw invalidArgument('bodies', `none with method ${method}`, bodies);
  }
  return request;
}
