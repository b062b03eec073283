/** What `foveate inspect BUNDLE` prints of an optimised model. */
import { formNames, type ModelBundle, type ModelForm } from '../engine/index.js';
import { printable, type Cell } from '../text/index.js';
import { paint } from './color.js';
import { section, size } from './inspect-report.js';
import { preprocessWords } from './recognized.js';

/** What each form is called for people. */
const engines = { onnxruntime: 'ONNX Runtime', tensorrt: 'TensorRT' } as const;

/** A model's bundle in lines. */
export function modelBundleLines({ path, manifest, preprocess }: ModelBundle): string[] {
  const { source, task, labels, forms, calibration, reports, measured, decisions } = manifest;
  const told = [task?.name ?? 'no task that is known', ...(labels === undefined ? [] : [`${labels.length} classes`])];
  const options = Object.entries(task?.options ?? {}).map(([name, value]) => printable(`${name}: ${wordOf(value)}`));
  const files = [
    ...(calibration === undefined ? [] : [['calibration', calibration] as const]),
    ...reports.map((file) => ['report', file] as const),
  ];
  return [
    `${paint(process.stdout, 'bold', printable(path))}  optimised from ${printable(source.name)}, ${size(source.bytes)}`,
    ...section('Model', [
      ['task', [...told, ...options].join(', ')],
      ['pictures', preprocessWords(preprocess.options).join(', ')],
      ['source', `sha256 ${source.sha256}`],
    ]),
    ...section(
      'Forms',
      formNames.map((name) => formRow(engines[name], forms[name], source.bytes)),
    ),
    ...section(
      'Files',
      files.map(([what, { file, bytes }]) => [what, printable(file), { number: size(bytes) }]),
    ),
    ...section('Measured', measuredRows(measured)),
    ...section(
      'Decisions',
      decisions.map((decision) => [printable(decision)]),
    ),
  ];
}

function formRow(engine: string, { file, bytes, precision, passes, externalData }: ModelForm, sourceBytes: number): Cell[] {
  const whole = externalData.reduce((sum, data) => sum + data.bytes, bytes);
  const share = sourceBytes === 0 ? '' : `${(whole / sourceBytes).toFixed(2)}x`;
  const made = passes.length === 0 ? 'as it was' : printable(passes.join(', '));
  return [engine, precision, { number: size(whole) }, { number: share }, printable(file), made];
}

/** A number for each path: `latencyMs.int8.1`. */
function measuredRows(measured: Readonly<Record<string, unknown>>, prefix = ''): Cell[][] {
  return Object.entries(measured).flatMap(([name, value]): Cell[][] => {
    const path = `${prefix}${name}`;
    const isRecord = typeof value === 'object' && value !== null && !Array.isArray(value);
    if (isRecord) return measuredRows(value as Readonly<Record<string, unknown>>, `${path}.`);
    return [[printable(path), { number: printable(wordOf(value)) }]];
  });
}

function wordOf(value: unknown): string {
  if (typeof value === 'number') return Number.isInteger(value) ? String(value) : String(Number(value.toPrecision(4)));
  return typeof value === 'string' ? value : JSON.stringify(value);
}
