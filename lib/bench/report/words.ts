import { printable } from '../../text/index.js';
import type { BenchMachine } from '../bench-report.js';
import type { CellPlace } from '../workload.js';

export function machineText({ cpu, cores, platform, node, runtime }: BenchMachine): string {
  return printable(`${cpu}, ${cores} ${cores === 1 ? 'core' : 'cores'}, ${platform}, Node ${node}, ${runtime}`);
}

/** Three digits, whatever the size. */
export function numberText(value: number | null): string {
  if (value === null || !Number.isFinite(value)) return '-';
  if (value >= 100) return value.toFixed(0);
  return value === 0 ? '0' : value.toPrecision(3);
}

export function percentText(part: number): string {
  return `${(100 * part).toFixed(part < 0.0995 ? 1 : 0)} %`;
}

export function megabyteText(bytes: number): string {
  return `${(bytes / 2 ** 20).toFixed(0)} MB`;
}

export function threadText(threads: number | null): string {
  return threads === null ? 'default' : String(threads);
}

/** `batch 4, lanes 2, threads 1` */
export function placeText({ batch, lanes, threads }: CellPlace): string {
  return `batch ${batch}, lanes ${lanes}${threads === null ? '' : `, threads ${threads}`}`;
}

/** p-values below this are all but none. */
const leastShown = 0.0001;

export function pText(p: number): string {
  return p < leastShown ? `< ${leastShown}` : p.toPrecision(2);
}

/** A table as GitHub writes them; the first `textColumns` to the left, numbers to the right. */
export function markdownTable(columns: readonly string[], rows: readonly (readonly string[])[], textColumns = 0): string {
  const line = (cells: readonly string[]): string => `| ${cells.map(escapedCell).join(' | ')} |`;
  const rule = `| ${columns.map((_, i) => (i < textColumns ? '---' : '---:')).join(' | ')} |`;
  return [line(columns), rule, ...rows.map(line)].join('\n');
}

function escapedCell(text: string): string {
  return escapedMarkdown(text).replaceAll('|', '\\|');
}

/** Names come from files: none of them may become markup. */
export function escapedMarkdown(text: string): string {
  return printable(text).replace(/[\\`*_[\]<>#]/g, '\\$&');
}
