/** The table before and after, as text: all reports take it from here. */
import { isNumber, metricText, noValue } from '../../evaluation/report/metric.js';
import type { AgreementMetric } from '../agreement.js';
import type { Latency } from '../latency.js';
import type { FormName, OptimizationReport, ReportedForm } from '../optimization-report.js';
import { engineNames, gpuPrecisions, precisionTitles } from '../quantized-layer.js';

/** Such as `INT8 for TensorRT`; `FP32 for TensorRT` where a budget or the engine left nothing else. */
export function formTitle({ precision, search }: Pick<OptimizationReport, 'precision' | 'search'>, form: FormName): string {
  if (form === 'float32') return precisionTitles.float32;
  const hasKernels = form === 'tensorrt' || !gpuPrecisions.has(precision);
  const isFloat = !hasKernels || search?.forms[form].chosen?.floatMacs === 1;
  return `${precisionTitles[isFloat ? 'float32' : precision]} for ${engineNames[form]}`;
}

/** What there is to say of one thing, in each form. */
export interface FormRow {
  readonly group: 'size' | 'speed' | 'energy' | 'agreement' | 'accuracy';
  readonly name: string;
  /** In the order of the report's forms. */
  readonly cells: readonly FormCell[];
}

export interface FormCell {
  readonly text: string;
  /** Smaller beside it: a ratio, an interval, a verdict. */
  readonly note?: string | undefined;
  /** Whether it is for the better or the worse, where that is outside noise. */
  readonly tone?: 'good' | 'bad' | undefined;
}

const nothing: FormCell = { text: noValue };

export function formRows(report: OptimizationReport): FormRow[] {
  const { forms, layers } = report;
  const of = (group: FormRow['group'], name: string, cell: (form: ReportedForm) => FormCell): FormRow => ({
    group,
    name,
    cells: forms.map(cell),
  });
  const threads = [...new Set(forms.flatMap(({ latency }) => latency.map((one) => one.threads)))];
  const timed = (name: string, count: number, cell: (latency: Latency, form: ReportedForm) => FormCell): FormRow =>
    of('speed', `${name}, ${threadText(count)}`, (form) => {
      const latency = form.latency.find((one) => one.threads === count);
      return latency === undefined ? nothing : cell(latency, form);
    });
  return [
    of('size', 'File', ({ bytes, sizeRatio, form }) => ({
      text: byteText(bytes),
      note: form === 'float32' ? undefined : timesText(sizeRatio),
    })),
    ...(layers.length === 0
      ? []
      : [of('size', `${precisionTitles[report.precision]} layers`, ({ form }) => layerCell(report, form))]),
    of('size', 'In the bundle', ({ shipped }) => ({ text: shipped ? 'yes' : 'no' })),
    ...threads.flatMap((count) => [
      timed('Latency', count, ({ medianMs, ratio, verdict }, { form }) => ({
        text: msText(medianMs),
        ...(form !== 'float32' && {
          note: `${timesText(ratio)}, ${verdict}`,
          tone: verdict === 'same' ? undefined : verdict === 'faster' ? 'good' : 'bad',
        }),
      })),
      timed('95 of 100 within', count, ({ p95Ms }) => ({ text: msText(p95Ms) })),
      timed('Throughput', count, ({ throughput }) => ({ text: `${shortNumber(throughput)}/s` })),
    ]),
    ...energyRows(forms, threads),
    ...agreementRows(forms),
    ...accuracyRows(forms),
  ];
}

function layerCell({ layers }: OptimizationReport, form: FormName): FormCell {
  if (form === 'float32') return { text: `0 of ${layers.length}` };
  const quantized = layers.filter(({ precision }) => precision[form] !== 'float32');
  const macsOf = (some: typeof layers): number => some.reduce((sum, { macs }) => sum + (macs ?? 0), 0);
  const all = macsOf(layers);
  return {
    text: `${quantized.length} of ${layers.length}`,
    note: all === 0 ? undefined : `${((100 * macsOf(quantized)) / all).toFixed(1)} % of MACs`,
  };
}

function energyRows(forms: readonly ReportedForm[], threads: readonly number[]): FormRow[] {
  return threads.flatMap((count): FormRow[] => {
    const joules = forms.map(({ latency }) => latency.find((one) => one.threads === count)?.joules);
    if (joules.every((value) => value === undefined)) return [];
    const [before] = joules;
    const cells = joules.map((value, i): FormCell => {
      if (value === undefined) return nothing;
      const ratio = before === undefined || i === 0 ? undefined : timesText(value / before);
      return { text: `${shortNumber(value)} J`, note: ratio };
    });
    return [{ group: 'energy', name: `Energy of a picture, ${threadText(count)}`, cells }];
  });
}

function agreementRows(forms: readonly ReportedForm[]): FormRow[] {
  const names = [...new Set(forms.flatMap(({ agreement }) => agreement?.metrics.map(({ name }) => name) ?? []))];
  return names.map((name) => ({
    group: 'agreement',
    name: `${name.charAt(0).toUpperCase()}${name.slice(1)}`,
    cells: forms.map(({ agreement }) => {
      const metric = agreement?.metrics.find((one) => one.name === name);
      return metric === undefined ? nothing : agreementCell(metric);
    }),
  }));
}

function agreementCell({ value, interval }: AgreementMetric): FormCell {
  return {
    text: isNumber(value) ? value.toFixed(3) : noValue,
    note: interval === undefined ? undefined : interval.map((end) => end.toFixed(3)).join(' to '),
  };
}

function accuracyRows(forms: readonly ReportedForm[]): FormRow[] {
  const names = Object.keys(forms[0]?.accuracy?.metrics ?? {});
  return names.map((name) => ({
    group: 'accuracy',
    name,
    cells: forms.map(({ accuracy }): FormCell => {
      const text = metricText(name, accuracy?.metrics[name]);
      const comparison = accuracy?.comparison.find((one) => one.name === name);
      if (comparison === undefined || !isNumber(comparison.difference)) return { text };
      const { difference, verdict } = comparison;
      const signed = `${difference < 0 ? '\u2212' : '+'}${Math.abs(difference).toFixed(3)}`;
      return {
        text,
        note: verdict === 'no difference that shows' ? `${signed}, none that shows` : `${signed}, ${verdict}`,
        tone: verdict === 'worse' ? 'bad' : verdict === 'better' ? 'good' : undefined,
      };
    }),
  }));
}

export function threadText(count: number): string {
  return `${count} ${count === 1 ? 'thread' : 'threads'}`;
}

export function byteText(bytes: number): string {
  return bytes < 100_000 ? `${bytes.toLocaleString('en-US')} bytes` : `${(bytes / 1e6).toFixed(bytes < 1e6 ? 2 : 1)} MB`;
}

export function msText(ms: number): string {
  return `${ms.toFixed(ms < 1 ? 3 : ms < 10 ? 2 : 1)} ms`;
}

/** 0.27x */
export function timesText(ratio: number): string {
  return `${ratio.toFixed(ratio < 10 ? 2 : 0)}x`;
}

/** Three digits. */
export function shortNumber(value: number): string {
  return Number.isFinite(value) ? String(Number(value.toPrecision(3))) : noValue;
}
