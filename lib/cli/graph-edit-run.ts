import { ArgumentError } from '../errors/index.js';
import {
  bakeArgMax,
  bakeTopK,
  cutOutputs,
  extractSubgraph,
  renameValues,
  writeModel,
  type BakeArgMaxOptions,
  type ModelProto,
} from '../graph/index.js';
import { printable } from '../text/index.js';
import { readGraph } from './graph-source.js';
import { size } from './inspect-report.js';
import type { Invocation } from './invocation.js';

export interface EditValues {
  /** The file that is written. */
  readonly output: string;
}

export interface CutValues extends EditValues {
  readonly outputs: readonly string[];
}

export interface ExtractValues extends CutValues {
  readonly inputs: readonly string[];
}

export interface ArgMaxValues extends EditValues {
  readonly modelOutput?: string;
  readonly axis?: number;
  readonly dtype?: BakeArgMaxOptions['dtype'];
}

export interface TopKValues extends EditValues {
  readonly modelOutput?: string;
  readonly k: number;
  readonly softmax?: boolean;
}

export function extract(model: string, { inputs, outputs, output }: ExtractValues, invocation: Invocation): Promise<void> {
  return edit(model, output, invocation, (proto) => extractSubgraph(proto, { inputs, outputs }));
}

export function cut(model: string, { outputs, output }: CutValues, invocation: Invocation): Promise<void> {
  return edit(model, output, invocation, (proto) => cutOutputs(proto, outputs));
}

/** `renames`: `old=new` each. */
export async function rename(
  model: string,
  renames: readonly string[],
  { output }: EditValues,
  invocation: Invocation,
): Promise<void> {
  const names = namesOf(renames);
  await edit(model, output, invocation, (proto) => renameValues(proto, names));
}

export function argMax(model: string, { modelOutput, axis, dtype, output }: ArgMaxValues, invocation: Invocation): Promise<void> {
  return edit(model, output, invocation, (proto) => bakeArgMax(proto, { output: modelOutput, axis, dtype }));
}

export function topK(model: string, { modelOutput, k, softmax, output }: TopKValues, invocation: Invocation): Promise<void> {
  return edit(model, output, invocation, (proto) => bakeTopK(proto, { output: modelOutput, k, softmax }));
}

/** By what `foveate optimize` begins with. */
export function normalize(model: string, { output }: EditValues, invocation: Invocation): Promise<void> {
  return edit(model, output, invocation, async (_, path) => {
    // Needs the engine, which the others do without.
    const { modelSteps } = await import('../optimize/model-steps.js');
    return modelSteps.normalize(path, 'int8', { signal: invocation.signal });
  });
}

/** Reads a model, changes it, writes it, and tells what was written. */
async function edit(
  model: string,
  output: string,
  invocation: Invocation,
  change: (proto: ModelProto, path: string) => ModelProto | Promise<ModelProto>,
): Promise<void> {
  const { signal } = invocation;
  const source = await readGraph(model, signal);
  const changed = await change(source.model.proto, source.path);
  const { path, bytes, data } = await writeModel(changed, output, { folder: source.folder, signal });
  const beside = data === undefined ? '' : `, and ${printable(data.path)} of ${size(data.bytes)}`;
  invocation.tell(`Written to ${printable(path)}: ${size(bytes)}, ${count(changed)}${beside}`);
}

function count({ graph }: ModelProto): string {
  const nodes = graph?.node.length ?? 0;
  return nodes === 1 ? '1 node' : `${nodes} nodes`;
}

function namesOf(renames: readonly string[]): Readonly<Record<string, string>> {
  const names = new Map<string, string>();
  for (const text of renames) {
    const at = text.indexOf('=');
    const [old, name] = [text.slice(0, at), text.slice(at + 1)];
    if (at <= 0 || name === '') throw wrongRename(`Expected old=new but received ${JSON.stringify(text)}`);
    if (names.has(old)) throw wrongRename(`${JSON.stringify(old)} is renamed twice`);
    names.set(old, name);
  }
  return Object.fromEntries(names);
}

function wrongRename(message: string): ArgumentError {
  return new ArgumentError('INVALID_ARGUMENT', {
    message,
    hint: 'As in: foveate graph rename model.onnx 495=scores -o named.onnx',
  });
}
