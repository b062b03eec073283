/** What is said of pruning: what it gained, and what it cost. */
import { prunedPart } from '../precision/index.js';
import type { Agreement } from './agreement.js';
import type { Latency } from './latency.js';
import type { OptimizationReport, ReportedForm } from './optimization-report.js';
import type { QuantizedLayer } from './quantized-layer.js';
import { decidingByLabels, decidingMetrics } from './search/candidate-judge.js';
import { meanRatio, timesOf } from './speed-guard.js';

/** Sizes that differ by less are the same. */
const leastDifference = 0.02;

/** Whether pruning alone, without any other precision, was worth it. */
export function pruningWords({
  pruning,
  task,
  forms,
  layers,
}: Pick<OptimizationReport, 'pruning' | 'task' | 'forms' | 'layers'>): string[] {
  const [before] = forms as readonly [ReportedForm];
  const pruned = forms.find(({ form }) => form === 'pruned');
  if (pruning === undefined || pruned === undefined) return [];
  const packed = (pruned.packedBytes as number) / (before.packedBytes as number);
  const told = [
    `${sizeWords(pruned.sizeRatio)} (${times(packed)} packed)`,
    ...(pruned.latency.length === 0 ? [] : [`a run takes ${pruned.latency.map(latencyWords).join(', ')}`]),
    ...labelWords(task, pruned),
  ];
  return [
    `Pruning ${percent(prunedPart(pruning.scheme))} of the weights (${pruning.scheme}; ${percent(pruning.zeros)} of all are 0, ${percent(pruning.zerosBefore)} were): ${told.join(', ')}${agreementWords(task, pruned.agreement)}. ${gainWords(pruned, packed)}`,
    ...leftWords(layers),
  ];
}

/** A 0 takes the bytes of any other number: what is smaller is so without pruning, too. */
function sizeWords(ratio: number): string {
  return Math.abs(ratio - 1) < leastDifference
    ? 'the file is as large'
    : `the file is ${times(ratio)} as large by being normalised`;
}

/** What did not show in every round is said to be so: it is no gain. */
function latencyWords(latency: Latency): string {
  const isUnsure = latency.verdict === 'same' && Math.abs(latency.ratio - 1) >= leastDifference;
  return `${timesOf([latency])}${isUnsure ? ' (not in every round)' : ''}`;
}

function gainWords({ latency }: ReportedForm, packed: number): string {
  const isFaster = latency.some(({ verdict }) => verdict === 'faster') && meanRatio(latency) < 1;
  if (isFaster) return 'It gained time.';
  const what = latency.length === 0 ? 'no bytes, and time was not measured' : 'nothing here';
  return packed < 1 - leastDifference ? `It gained ${what}: only what is sent or kept packed is smaller.` : `It gained ${what}.`;
}

function agreementWords(task: OptimizationReport['task'], agreement: Agreement | undefined): string {
  const told = decidingMetrics[task].flatMap((name) => {
    const { value, interval } = agreement?.metrics.find((one) => one.name === name) ?? {};
    if (value === undefined || value === null) return [];
    return [
      `${name} ${value.toFixed(3)}${interval === undefined ? '' : ` (${interval.map((end) => end.toFixed(3)).join(' to ')})`}`,
    ];
  });
  return told.length === 0 ? '' : `; agreement with FP32: ${told.join(', ')}`;
}

function labelWords(task: OptimizationReport['task'], { accuracy }: ReportedForm): string[] {
  const { name, before, after, verdict } = accuracy?.comparison.find((one) => one.name === decidingByLabels[task]) ?? {};
  if (name === undefined || verdict === undefined || typeof before !== 'number' || typeof after !== 'number') return [];
  return [`by labels ${name} ${after.toFixed(3)} instead of ${before.toFixed(3)} (${verdict})`];
}

function leftWords(layers: readonly QuantizedLayer[]): string[] {
  const counts = new Map<string, number>();
  for (const { pruned } of layers) {
    if (pruned?.reason !== undefined) counts.set(pruned.reason, (counts.get(pruned.reason) ?? 0) + 1);
  }
  if (counts.size === 0) return [];
  const left = [...counts.values()].reduce((sum, count) => sum + count, 0);
  const reasons = [...counts].sort(([, a], [, b]) => b - a).map(([reason, count]) => `${count}: ${reason}`);
  const all = layers.filter(({ pruned }) => pruned !== undefined).length;
  return [`${left} of ${all} layers were not pruned (${reasons.join('; ')}).`];
}

/** What the numbers of pruning do not tell. */
export function pruningNotices(pruning: OptimizationReport['pruning']): string[] {
  if (pruning === undefined) return [];
  return [
    'Nothing was trained after pruning: training on with these weights kept at 0 is what usually wins back much of the loss.',
    ...(pruning.scheme === '2:4'
      ? [
          'Kernels for 2:4 are those of NVIDIA GPUs from Ampere on, in an engine that is built with foveate build --sparsity. What they gain was not measured here.',
        ]
      : []),
  ];
}

function times(ratio: number): string {
  return `${ratio.toFixed(2)} times`;
}

function percent(part: number): string {
  return `${Math.round(100 * part)} %`;
}
