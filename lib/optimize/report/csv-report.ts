import { csvRecord } from '../../text/index.js';
import type { OptimizationReport } from '../optimization-report.js';

/** The forms as CSV: form, what is told, threads where it depends on them, value, low, high. What there is no number for is left empty. */
export function csvOfForms({ forms }: OptimizationReport): string {
  return [
    csvRecord(['form', 'name', 'threads', 'value', 'low', 'high']),
    ...forms.flatMap(({ form, bytes, sizeRatio, packedBytes, shipped, latency, agreement, accuracy }) => {
      const record = (name: string, value?: number | null, ends: readonly (number | null)[] = [], threads?: number): string =>
        csvRecord([form, name, threads, value ?? undefined, ends[0] ?? undefined, ends[1] ?? undefined]);
      return [
        record('bytes', bytes),
        record('size ratio', sizeRatio),
        ...(packedBytes === undefined ? [] : [record('packed bytes', packedBytes)]),
        record('shipped', Number(shipped)),
        ...latency.flatMap(({ threads, medianMs, quartilesMs, p95Ms, throughput, ratio, ratioRange, joules }) => [
          record('latency ms', medianMs, quartilesMs, threads),
          record('latency p95 ms', p95Ms, [], threads),
          record('throughput', throughput, [], threads),
          record('latency ratio', ratio, ratioRange, threads),
          ...(joules === undefined ? [] : [record('joules', joules, [], threads)]),
        ]),
        ...(agreement?.metrics.map(({ name, value, interval }) => record(`agreement ${name}`, value, interval)) ?? []),
        ...Object.entries(accuracy?.metrics ?? {}).map(([name, value]) =>
          record(`accuracy ${name}`, value, accuracy?.intervals[name]),
        ),
      ];
    }),
  ].join('');
}

/** The layers as CSV, in the order of the graph. */
export function csvOfLayers({ layers, pruning }: OptimizationReport): string {
  return [
    csvRecord([
      'layer',
      'operator',
      'macs',
      'onnxruntime',
      'tensorrt',
      'onnxruntime noise db',
      'tensorrt noise db',
      'min',
      'max',
      'onnxruntime reason',
      'tensorrt reason',
      ...(pruning === undefined ? [] : ['zeros', 'not pruned']),
    ]),
    ...layers.map(({ name, operator, macs, precision, noiseDb, range, reasons, pruned }) =>
      csvRecord([
        ...[name, operator, macs ?? undefined, precision.onnxruntime, precision.tensorrt],
        ...[noiseDb.onnxruntime, noiseDb.tensorrt, range?.min, range?.max, reasons.onnxruntime, reasons.tensorrt],
        ...(pruning === undefined ? [] : [pruned?.zeros, pruned?.reason]),
      ]),
    ),
  ].join('');
}
