/** What the numbers of a sweep say, in sentences: a pure function of them. */
import { fastestCell, type BenchCell, type BenchMachine, type Finding, type FindingKind } from './bench-report.js';

/** From this share of their time on, workers count as busy. */
const busyFrom = 0.7;
/** From this share of a lane's time on, moving data is what it does. */
const mostlyMoving = 0.4;
/** From this part of a call on, what no stage accounts for is worth telling. */
const largeRest = 0.3;
/** Windows that vary more than this are those of a machine that has other work too. */
const noisyFrom = 0.15;
/** A gain that is less is none. */
const leastGain = 0.05;

/** The bottleneck of the fastest cell first; then what varies, and whether batches, lanes and threads pay. Nothing for no cells. */
export function findingsOf(cells: readonly BenchCell[], machine: Pick<BenchMachine, 'cores' | 'pictureLanes'>): Finding[] {
  const best = fastestCell(cells);
  if (best === undefined) return [];
  const knobs = (['batch', 'lanes', 'threads'] as const).flatMap((knob) => payOff(cells, knob) ?? []);
  return [bottleneck(best, machine), ...noise(cells), ...knobs];
}

function bottleneck(cell: BenchCell, { cores, pictureLanes }: Pick<BenchMachine, 'cores' | 'pictureLanes'>): Finding {
  const { decodeMs, preprocessMs, queueMs, computeMs, transferMs, postprocessMs } = cell.stagesMs;
  const { busy, inFlight, lanes } = cell;
  const used = `${(busy.cores * cores).toFixed(1)} of ${cores} ${cores === 1 ? 'core' : 'cores'} at work`;
  if (busy.pictures >= busyFrom && busy.pictures > busy.lanes) {
    const reading = decodeMs + preprocessMs;
    const [kind, what] =
      postprocessMs > reading
        ? (['postprocessing', 'reading results'] as const)
        : (['preprocessing', decodeMs > preprocessMs ? 'decoding pictures' : 'resizing and normalising pictures'] as const);
    return {
      kind,
      words: `The bottleneck is ${what}: the ${count(pictureLanes, 'thread')} for that ${pictureLanes === 1 ? 'is' : 'are'} busy ${percent(busy.pictures)} of the time, the ${count(lanes, 'lane')} ${percent(busy.lanes)}.`,
    };
  }
  const moving = transferMs / (computeMs + transferMs);
  if (moving >= mostlyMoving && busy.lanes >= busyFrom) {
    return { kind: 'transfer', words: `The bottleneck is moving data to and from the GPU: ${percent(moving)} of a lane's time.` };
  }
  if (busy.lanes >= busyFrom) {
    const latency = cell.latencyMs.mean as number;
    const waits = queueMs > latency / 4 ? ` Calls wait ${ms(queueMs)} for a lane: fewer in flight are answered sooner.` : '';
    return {
      kind: 'compute',
      words: `The bottleneck is the model itself: ${lanes === 1 ? 'the lane computes' : `the ${lanes} lanes compute`} ${percent(busy.lanes)} of the time, with ${used}.${waits}`,
    };
  }
  const stages = decodeMs + preprocessMs + queueMs + computeMs + transferMs + postprocessMs;
  const rest = 1 - stages / (cell.latencyMs.mean as number);
  if (rest >= largeRest) {
    return {
      kind: 'hand-over',
      words: `The bottleneck is what lies between JavaScript and the lanes: ${percent(rest)} of a call is spent in no stage, but in handing it over, or waiting for a core. Larger batches make fewer calls.`,
    };
  }
  return {
    kind: 'in-flight',
    words: `Nothing is busy all the time with ${count(inFlight, 'call')} in flight: lanes ${percent(busy.lanes)}, threads for pictures ${percent(busy.pictures)}, ${used}. More in flight may pay.`,
  };
}

function noise(cells: readonly BenchCell[]): Finding[] {
  const noisy = cells.filter(({ variation }) => variation >= noisyFrom);
  if (noisy.length === 0) return [];
  const worst = Math.max(...noisy.map(({ variation }) => variation));
  return [
    {
      kind: 'noise',
      words: `The windows of ${noisy.length} of ${count(cells.length, 'cell')} vary by up to ${percent(worst)}: the machine has other work too, or changes its speed.`,
    },
  ];
}

type Knob = Extract<FindingKind, 'batch' | 'lanes' | 'threads'>;

const larger: Readonly<Record<Knob, string>> = { batch: 'larger batches', lanes: 'more lanes', threads: 'more threads' };

/** The largest gain over the lowest value of a knob, all else being equal; undefined where there is nothing to hold it against. */
function payOff(cells: readonly BenchCell[], knob: Knob): Finding | undefined {
  const others = (['batch', 'lanes', 'threads'] as const).filter((name) => name !== knob);
  const known = cells.filter((cell) => cell[knob] !== null);
  const pairs = known.flatMap((cell) => {
    const alike = known.filter((other) => others.every((name) => other[name] === cell[name]));
    const low = alike.reduce((least, other) => ((other[knob] as number) < (least[knob] as number) ? other : least));
    return low === cell ? [] : [{ cell, low, gain: cell.throughput / low.throughput }];
  });
  if (pairs.length === 0) return undefined;
  const { cell, low, gain } = pairs.reduce((best, pair) => (pair.gain > best.gain ? pair : best));
  const compared = `${knob} ${cell[knob]} gives ${gain.toFixed(2)} times the throughput of ${low[knob]}`;
  const at = others
    .filter((name) => cell[name] !== null)
    .map((name) => `${name} ${cell[name]}`)
    .join(', ');
  // What windows vary by shows as a gain of some of them.
  const pays = gain > 1 + Math.max(leastGain, cell.variation, low.variation);
  return {
    kind: knob,
    words: pays
      ? `${capital(larger[knob])} pay: ${compared} (${at}).`
      : `${capital(larger[knob])} do not pay: at best, ${compared} (${at}).`,
  };
}

function capital(text: string): string {
  return `${text.charAt(0).toUpperCase()}${text.slice(1)}`;
}

function count(number: number, noun: string): string {
  return `${number} ${noun}${number === 1 ? '' : 's'}`;
}

function percent(part: number): string {
  return `${Math.round(100 * part)} %`;
}

function ms(value: number): string {
  return `${value.toPrecision(3)} ms`;
}
