/** The tables of run.mjs. */
import { machineText } from './machine.mjs';

const table = (columns, rows) =>
  [columns, columns.map(() => '---'), ...rows].map((cells) => `| ${cells.join(' | ')} |`).join('\n');
const milliseconds = (ms) => (ms < 10 ? ms.toFixed(3) : ms.toFixed(1));

/** @param {{ machine: object, rows: object[], overheads: object[] }} results As run.mjs measures them. */
export function latencyTable({ machine, rows, overheads }) {
  const where = machine.onStandIns ? 'on stand-ins' : `on ${machine.gpu}`;
  return `# Engines ${where}

\`node bench/gpu/run.mjs\`. ${machineText(machine)}

Milliseconds of a run as its caller sees it, with as many callers as lanes; "queue", "upload", "compute" and "download" are medians of what a run tells: waiting for a lane, and the GPU's time until
the last input is there, from then to the first output, and until the last output is fetched. Pictures a second are with twice as many callers. Inputs lie in pinned memory of the session.

${table(
  [
    ...['model', 'precision', 'batch', 'lanes', 'graphs'],
    ...['p50', 'p95', 'p99', 'queue', 'upload', 'compute', 'download'],
    ...['pictures a second', 'runs'],
  ],
  rows.map((row) => [
    ...[row.model, row.precision, row.batch, row.lanes, row.cudaGraphs ? 'on' : 'off'],
    ...[row.p50, row.p95, row.p99, row.queueMs, row.uploadMs, row.computeMs, row.downloadMs].map(milliseconds),
    ...[row.picturesPerSecond.toFixed(0), row.runs],
  ]),
)}

## A session and the bare library

One lane, one caller; the loop (\`enqueue_loop.cc\`) copies, enqueues and waits, with its tensors in pinned memory. Medians of turns that alternate; the ratio is the median of those within a round.

${table(
  ['model', 'precision', 'batch', 'graphs', 'session, ms', 'loop that sleeps, ms', 'ratio', 'loop that asks, ms', 'ratio'],
  overheads.flatMap((row) =>
    ['plain', 'graph'].map((kind) => {
      const { ours, sleeping, asking, ratio, ratioToAsking } = row[kind];
      const numbers = [
        milliseconds(ours),
        milliseconds(sleeping),
        ratio.toFixed(3),
        milliseconds(asking),
        ratioToAsking.toFixed(3),
      ];
      return [row.model, row.precision, row.batch, kind === 'graph' ? 'on' : 'off', ...numbers];
    }),
  ),
)}
`;
}
