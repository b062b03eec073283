import { ArgumentError, invalidArgument, nearestName } from '../../errors/index.js';
import type { GraphProto, NodeProto } from '../onnx_pb.js';
import { changed } from './changed.js';
import { readFromAround } from './names.js';

/** What is left of a graph when only some of its values are wanted. */
export interface GraphPart {
  /** Without nodes, constants and declarations that nothing needs any more; inputs and outputs are still those of the whole. */
  readonly graph: GraphProto;
  /** Names of all values that are read or given. */
  readonly read: ReadonlySet<string>;
}

/** What of a graph makes the values `outputs`, where those of `given` come from outside. */
export function partOfGraph(graph: GraphProto, outputs: readonly string[], given: readonly string[] = []): GraphPart {
  const producers = new Map<string, NodeProto>();
  for (const node of graph.node) for (const name of node.output) if (name !== '') producers.set(name, node);
  const [outside, needed, read] = [new Set(given), new Set<NodeProto>(), new Set<string>()];
  const waiting = [...outputs];
  for (let name = waiting.pop(); name !== undefined; name = waiting.pop()) {
    if (read.has(name)) continue;
    read.add(name);
    const node = outside.has(name) ? undefined : producers.get(name);
    if (node === undefined || needed.has(node)) continue;
    needed.add(node);
    waiting.push(...readFromAround(node));
  }
  const node = graph.node.filter((one) => needed.has(one));
  const known = new Set([...read, ...node.flatMap(({ output }) => output)]);
  const isKnown = ({ name }: { readonly name: string }): boolean => known.has(name);
  const part = changed(graph, {
    node,
    initializer: graph.initializer.filter(({ name }) => read.has(name) && !outside.has(name)),
    sparseInitializer: graph.sparseInitializer.filter(
      ({ values }) => read.has(values?.name ?? '') && !outside.has(values?.name ?? ''),
    ),
    valueInfo: graph.valueInfo.filter(isKnown),
    quantizationAnnotation: graph.quantizationAnnotation.filter(({ tensorName }) => known.has(tensorName)),
  });
  return { graph: part, read };
}

/** Names of values, each once. Throws INVALID_ARGUMENT. */
export function checkNames(option: string, names: unknown): readonly string[] {
  if (!Array.isArray(names) || names.length === 0) throw invalidArgument(option, 'an array of names', names);
  for (const [index, name] of (names as unknown[]).entries()) {
    if (typeof name !== 'string' || name === '') throw invalidArgument(`${option}[${index}]`, 'the name of a value', name);
    if (names.indexOf(name) !== index)
      throw invalidArgument(option, 'names that differ', names, `${JSON.stringify(name)} is there twice.`);
  }
  return names as string[];
}

/** Longer names are no slip of the pen. */
const longestGuessed = 200;

/** The error for a value that the model does not have. */
export function noSuchValue(name: string, known: readonly string[]): ArgumentError {
  const short = (one: string): boolean => one.length <= longestGuessed;
  const nearest = short(name) ? nearestName(name, known.filter(short)) : undefined;
  return new ArgumentError('TENSOR_NAME', {
    message: `The model has no value ${JSON.stringify(name)}`,
    hint:
      nearest === undefined
        ? 'See the inputs and outputs of the nodes of the model.'
        : `Did you mean ${JSON.stringify(nearest)}?`,
    details: { name },
  });
}
