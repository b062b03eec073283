/** A benchmark for the terminal, as Markdown, and as CSV. */
import { alignRows, csvRecord, printable, type Cell } from '../../text/index.js';
import type { BenchReport } from '../bench-report.js';
import type { BenchComparison } from '../compare-bench.js';
import { stageNames } from '../workload.js';
import { benchColumns, benchRows, comparisonColumns, comparisonRows, comparisonSummary } from './bench-rows.js';
import { escapedMarkdown, machineText, markdownTable, placeText } from './words.js';

/** Lines for the terminal. */
export function benchTable(report: BenchReport, comparison?: BenchComparison): string[] {
  return [
    `${printable(report.model.name)}, ${inputText(report)}`,
    machineText(report.machine),
    '',
    ...aligned(benchColumns(report), benchRows(report)),
    ...(comparison === undefined ? [] : ['', ...aligned(comparisonColumns, comparisonRows(comparison))]),
    '',
    ...sentencesOf(report, comparison),
  ];
}

function aligned(columns: readonly string[], rows: readonly (readonly string[])[]): string[] {
  // The last column is of words.
  return alignRows(
    [columns, ...rows].map((row) => row.map((cell, i): Cell => (i === columns.length - 1 ? cell : { number: cell }))),
  );
}

export function benchMarkdown(report: BenchReport, comparison?: BenchComparison): string {
  return [
    `# ${escapedMarkdown(report.model.name)}`,
    `${escapedMarkdown(machineText(report.machine))}. ${capital(escapedMarkdown(inputText(report)))}.`,
    markdownTable(benchColumns(report), benchRows(report)),
    ...(comparison === undefined ? [] : [markdownTable(comparisonColumns, comparisonRows(comparison))]),
    sentencesOf(report, comparison)
      .map((line) => `- ${escapedMarkdown(line)}`)
      .join('\n'),
    `Made by foveate ${report.foveate}, ${report.made}.`,
    '',
  ].join('\n\n');
}

function inputText({ settings, cells, rounds }: BenchReport): string {
  const devices = [...new Set(cells.map(({ device }) => device))].join(' and ');
  const { pictures, shapes } = settings;
  const leftOut = pictures !== null && pictures.leftOut > 0 ? ` (${pictures.leftOut} cannot be read)` : '';
  const inputs = Object.entries(shapes).map(([name, sizes]) => `${name} ${sizes.length === 0 ? 'a number' : sizes.join('x')}`);
  const what =
    pictures === null
      ? `random tensors, ${inputs.join(', ')}`
      : `${pictures.count} ${pictures.count === 1 ? 'picture' : 'pictures'}${leftOut}`;
  return `${what}, on ${devices}, ${rounds} windows of each cell`;
}

function sentencesOf(report: BenchReport, comparison: BenchComparison | undefined): string[] {
  const unsettled = report.cells.filter(({ windows }) => windows.some(({ settled }) => !settled)).length;
  return [
    ...report.findings.map(({ words }) => words),
    ...(unsettled === 0
      ? []
      : [`In ${unsettled} of ${report.cells.length} cells, a window began although warming up had not come to rest.`]),
    ...report.failed.map(
      ({ error, ...place }) => `Not measured: ${placeText(place)}: ${printable(error.message)} [${error.code}]`,
    ),
    ...(comparison === undefined
      ? []
      : [
          comparisonSummary(comparison),
          ...comparison.notes.map(printable),
          ...(comparison.unmatched.length === 0
            ? []
            : [`In one of the two alone: ${comparison.unmatched.map(placeText).join('; ')}.`]),
        ]),
    ...(report.interrupted ? ['Interrupted: these are the windows that were measured until then.'] : []),
  ];
}

function capital(text: string): string {
  return `${text.charAt(0).toUpperCase()}${text.slice(1)}`;
}

const percentileNames = ['p50', 'p90', 'p95', 'p99', 'mean', 'max'] as const;

/** A record for each cell. */
export function benchCsv({ cells, model }: BenchReport): string {
  const columns = [
    ...['model', 'device', 'batch', 'lanes', 'threads', 'in_flight', 'throughput', 'variation'],
    ...percentileNames.map((name) => `${name}_ms`),
    ...stageNames.map((stage) => `${stage.replace('Ms', '')}_ms`),
    ...['lanes_busy', 'pictures_busy', 'cores_busy', 'cpu_ms_per_item', 'peak_rss_bytes', 'rss_growth_bytes', 'windows'],
  ];
  const records = cells.map((cell) =>
    csvRecord([
      ...[
        model.name,
        cell.device,
        cell.batch,
        cell.lanes,
        cell.threads ?? undefined,
        cell.inFlight,
        cell.throughput,
        cell.variation,
      ],
      ...percentileNames.map((name) => cell.latencyMs[name] ?? undefined),
      ...stageNames.map((stage) => cell.stagesMs[stage]),
      ...[cell.busy.lanes, cell.busy.pictures, cell.busy.cores, cell.cpuMsPerItem, cell.peakRssBytes, cell.rssGrowthBytes],
      cell.windows.length,
    ]),
  );
  return [csvRecord(columns), ...records].join('');
}
