/** A load test for the terminal, as Markdown, and as CSV. */
import { alignRows, csvRecord, printable, type Cell } from '../../text/index.js';
import type { LoadReport, LoadVerdict } from '../load/load-report.js';
import { escapedMarkdown, markdownTable, numberText, percentText } from './words.js';

/** More seconds than this are shown in parts of several. */
const mostRows = 20;

/** Lines for the terminal. */
export function loadTable(report: LoadReport): string[] {
  return [
    printable(titleOf(report)),
    printable(loopText(report)),
    '',
    ...aligned(percentileColumns, percentileRows(report)),
    '',
    ...aligned(secondColumns, secondRows(report)),
    '',
    ...sentencesOf(report),
  ];
}

function aligned(columns: readonly string[], rows: readonly (readonly string[])[]): string[] {
  return alignRows([columns, ...rows].map((row) => row.map((cell, i): Cell => (i === 0 ? cell : { number: cell }))));
}

export function loadMarkdown(report: LoadReport): string {
  return [
    `# ${escapedMarkdown(titleOf(report))}`,
    `${escapedMarkdown(loopText(report))}.`,
    markdownTable(percentileColumns, percentileRows(report), 1),
    markdownTable(secondColumns, secondRows(report), 1),
    sentencesOf(report)
      .map((line) => `- ${escapedMarkdown(line)}`)
      .join('\n'),
    `Made by foveate ${report.foveate}, ${report.made}.`,
    '',
  ].join('\n\n');
}

function titleOf({ target, machine }: LoadReport): string {
  const where = target.device === null ? '' : ` on ${target.device}`;
  return `${target.name}${where}, from ${machine.cpu}, ${machine.cores} ${machine.cores === 1 ? 'core' : 'cores'}`;
}

function loopText({ loop, durationMs, deadlineMs }: LoadReport): string {
  const how =
    loop.kind === 'open'
      ? `Open loop, ${loop.shape}, ${loop.arrivals === 'poisson' ? 'Poisson arrivals' : 'constant arrivals'}`
      : `Closed loop, ${loop.concurrency} in flight${loop.thinkMs > 0 ? `, ${loop.thinkMs} ms between` : ''}`;
  return `${how}, ${numberText(durationMs / 1000)} s${deadlineMs === null ? '' : `, deadline ${deadlineMs} ms`}`;
}

const percentileColumns = ['ms', 'mean', 'p50', 'p90', 'p95', 'p99', 'max'];

function percentileRows({ responseMs, serviceMs }: LoadReport): string[][] {
  return (
    [
      ['response', responseMs],
      ['service', serviceMs],
    ] as const
  ).map(([name, { mean, p50, p90, p95, p99, max }]) => [name, ...[mean, p50, p90, p95, p99, max].map(numberText)]);
}

const secondColumns = ['second', 'requests', 'answers', 'failed', 'p50 ms', 'p95 ms', 'p99 ms'];

/** A row for each second; of a long test, the worst percentiles of some at a time. */
function secondRows({ seconds }: LoadReport): string[][] {
  const step = Math.ceil(seconds.length / mostRows);
  const worst = (values: readonly (number | null)[]): string =>
    numberText(values.reduce((most, value) => (value !== null && value > (most ?? -1) ? value : most), null));
  const total = (values: readonly number[]): string => String(values.reduce((sum, value) => sum + value, 0));
  return Array.from({ length: Math.ceil(seconds.length / step) || 0 }, (_, i) => {
    const part = seconds.slice(i * step, (i + 1) * step);
    const [first, last] = [i * step, i * step + part.length - 1];
    return [
      first === last ? String(first) : `${first} to ${last}`,
      total(part.map(({ intended }) => intended)),
      total(part.map(({ answered }) => answered)),
      total(part.map(({ failed }) => failed)),
      ...[part.map(({ p50Ms }) => p50Ms), part.map(({ p95Ms }) => p95Ms), part.map(({ p99Ms }) => p99Ms)].map(worst),
    ];
  });
}

function sentencesOf(report: LoadReport): string[] {
  const { requests, rate, batching, generator, notes, verdicts, interrupted } = report;
  const outcomes = Object.entries(requests.outcomes).map(([label, count]) => `${label} ${count}`);
  const lag = generator.lagMs.p99 ?? 0;
  return [
    `${requests.intended} requests, ${numberText(rate.intended)} a second; ${numberText(rate.achieved)} answers a second.`,
    `Outcomes: ${printable(outcomes.join(', ')) || 'none'}.`,
    ...(batching === null ? [] : [batchingText(batching)]),
    `The generator was ${numberText(lag)} ms late (p99), its event loop ${numberText(generator.eventLoopDelayMs.p99)} ms behind; the process had ${generator.cores.toFixed(1)} cores at work.`,
    ...notes.map(printable),
    ...(interrupted ? ['Interrupted: this is what was measured until then.'] : []),
    ...verdicts.map((verdict) => verdictText(verdict, requests.intended)),
  ];
}

function batchingText({ batches, meanSize, sizes, reasons, mostWaitingSamples }: NonNullable<LoadReport['batching']>): string {
  const list = (counts: Readonly<Record<string, number>>): string =>
    Object.entries(counts)
      .filter(([, count]) => count > 0)
      .map(([name, count]) => `${name}: ${count}`)
      .join(', ');
  return `${batches} batches of ${numberText(meanSize)} on average (${list(Object.fromEntries(Object.entries(sizes)))}); closed by ${list(reasons)}; at most ${mostWaitingSamples} waited.`;
}

function verdictText({ limit, most, found, passed }: LoadVerdict, intended: number): string {
  const none = intended === 0 ? 'no requests' : 'infinite';
  const text = (value: number | null): string =>
    value === null ? none : limit === 'maxP99Ms' ? `${numberText(value)} ms` : percentText(value);
  return `${passed ? 'pass' : 'FAIL'}  ${limit === 'maxP99Ms' ? 'p99 of response times, with failed requests as infinitely slow' : 'failed requests'}: ${text(found)}, at most ${text(most)}`;
}

/** A record for each second. */
export function loadCsv({ seconds }: LoadReport): string {
  const columns = ['second', 'intended', 'answered', 'failed', 'p50_ms', 'p95_ms', 'p99_ms'];
  return [
    csvRecord(columns),
    ...seconds.map(({ second, intended, answered, failed, p50Ms, p95Ms, p99Ms }) =>
      csvRecord([second, intended, answered, failed, p50Ms ?? undefined, p95Ms ?? undefined, p99Ms ?? undefined]),
    ),
  ].join('');
}
