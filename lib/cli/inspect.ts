import { open, stat } from 'node:fs/promises';

import type { Command } from 'commander';

import { EngineBundle, ModelBundle } from '../engine/index.js';
import { FoveateError, InternalError } from '../errors/index.js';
import {
  countMacs,
  countOperators,
  countParameters,
  modelPath,
  readModel,
  type MacCount,
  type OnnxModel,
  type OperatorCount,
  type ParameterCount,
  type ValueInfo,
} from '../graph/index.js';
import { hasNamesBeside, loadTask, recognizeModel, type TaskName } from '../tasks/index.js';
import { bundleLines } from './bundle-report.js';
import { inspectionLines } from './inspect-report.js';
import { modelBundleLines } from './model-bundle-report.js';
import type { Invocation } from './invocation.js';
import { recognizedLine, recognizedOf, type Recognized } from './recognized.js';

const examples = `
Examples:
  foveate inspect yolov8n.onnx
  foveate inspect yolov8n.onnx --json | jq .macs.total
  foveate inspect yolov8n.bundle
  foveate inspect yolov8n.calibration.json

Multiply-accumulates (MACs) are those of convolutions and matrix products. They are unknown where a shape is known only at run time.`;

/** What a model is taken for: all of it, only its task, or nothing; and where not all, why. */
export type Recognition = Recognized | { readonly task: TaskName | null; readonly error: ReturnType<FoveateError['toJSON']> };

/** What `foveate inspect --json` prints. */
export interface Inspection {
  readonly model: string;
  /** Size of the file; external data is not part of it. */
  readonly bytes: number;
  readonly irVersion: number;
  /** Operator domain to version; ONNX's own domain is the empty string. */
  readonly opsets: Readonly<Record<string, number>>;
  /** Empty where the file does not say. */
  readonly producer: string;
  readonly inputs: readonly ValueInfo[];
  readonly outputs: readonly ValueInfo[];
  readonly parameters: {
    readonly count: number;
    /** Null where the size of some is not known. */
    readonly bytes: number | null;
    readonly types: readonly ParameterCount[];
  };
  readonly operators: readonly OperatorCount[];
  readonly macs: MacCount;
  readonly metadata: Readonly<Record<string, string>>;
  readonly recognized: Recognition;
}

/** `foveate inspect MODEL` */
export function addInspect(program: Command, invocation: Invocation): void {
  program
    .command('inspect')
    .summary('tell what a model file, a bundle or a calibration table holds')
    .description(
      'Reads an ONNX file: its inputs and outputs, parameters, operators, multiply-accumulates and metadata, and what the model is recognised as. Or a bundle, comparing its files with what was written.',
    )
    .argument('<model>', 'an ONNX file, the bundle of an optimised model or of an engine, or a table of foveate calibrate')
    .option('--json', 'print JSON')
    .addHelpText('after', examples)
    .action((model: string) => inspect(model, invocation));
}

async function inspect(model: string, invocation: Invocation): Promise<void> {
  const { signal, document } = invocation;
  const bundle = await ModelBundle.at(model);
  if (bundle !== undefined) return inspectModelBundle(bundle, invocation);
  if (await isFolder(model)) return inspectBundle(model, invocation);
  const path = modelPath('model', model);
  const start = await startOf(path);
  if (start.startsWith('{"calibrationTable":')) return (await import('./calibration-show.js')).inspectTable(path, invocation);
  if (/^TRT-\d+-/.test(start)) return (await import('./calibration-show.js')).inspectTensorRtCache(path, invocation);
  const graph = await readModel(path, { signal });
  const { size } = await stat(path);
  const { recognized, line } = await recognition(path, graph, invocation);
  const inspection = { ...describe(model, size, graph), recognized };
  if (document === undefined) invocation.out(`${inspectionLines(inspection, line).join('\n')}\n`);
  else document.whole(inspection);
}

async function isFolder(path: string): Promise<boolean> {
  return (await stat(path).catch(() => undefined))?.isDirectory() ?? false;
}

/** The first bytes of a file, as text; empty where it cannot be read, which reading the model tells. */
async function startOf(path: string): Promise<string> {
  const file = await open(path).catch(() => undefined);
  if (file === undefined) return '';
  try {
    const { buffer, bytesRead } = await file.read(Buffer.alloc(32), 0, 32, 0);
    return buffer.toString('latin1', 0, bytesRead);
  } catch {
    return '';
  } finally {
    await file.close();
  }
}

/** The bundle of a model: its files are compared with what was written. */
async function inspectModelBundle(bundle: ModelBundle, invocation: Invocation): Promise<void> {
  const { signal, document } = invocation;
  await bundle.verify(signal);
  if (document === undefined) invocation.out(`${modelBundleLines(bundle).join('\n')}\n`);
  else document.whole({ path: bundle.path, manifest: bundle.manifest });
}

/** That of an engine, likewise. */
async function inspectBundle(folder: string, invocation: Invocation): Promise<void> {
  const bundle = await EngineBundle.open(folder);
  await bundle.verify();
  const layers = await bundle.layers();
  const { document } = invocation;
  if (document === undefined) invocation.out(`${bundleLines(bundle, layers).join('\n')}\n`);
  else document.whole({ path: bundle.path, manifest: bundle.manifest, layers });
}

/** All that can be told without opening the model. */
export function describe(model: string, bytes: number, graph: OnnxModel): Omit<Inspection, 'recognized'> {
  const { irVersion, opsets, producer, inputs, outputs, metadata } = graph;
  const types = countParameters(graph);
  return {
    model,
    bytes,
    irVersion,
    opsets: Object.fromEntries(opsets),
    producer,
    inputs,
    outputs,
    parameters: {
      count: types.reduce((sum, { count }) => sum + count, 0),
      bytes: types.reduce<number | null>((sum, type) => (sum === null || type.bytes === null ? null : sum + type.bytes), 0),
      types,
    },
    operators: countOperators(graph),
    macs: countMacs(graph),
    metadata: Object.fromEntries(metadata),
  };
}

/** What the model is taken for, and in a line for people. Its task can be told from the file; the rest needs a session. */
async function recognition(
  path: string,
  graph: OnnxModel,
  invocation: Invocation,
): Promise<{ readonly recognized: Recognition; readonly line: string | undefined }> {
  let task: TaskName | null = null;
  try {
    task = recognizeModel(graph, await hasNamesBeside(path));
    await using loaded = await loadTask(path, { task, device: 'cpu', signal: invocation.signal });
    return { recognized: recognizedOf(loaded), line: recognizedLine(loaded) };
  } catch (error) {
    if (invocation.signal.aborted || !(error instanceof FoveateError) || error instanceof InternalError) throw error;
    return { recognized: { task, error: invocation.worded(error) }, line: undefined };
  }
}
