import type { Message } from '@bufbuild/protobuf';
import { ArgumentError, invalidArgument, ModelError } from '../../errors/index.js';
import type { AttributeProto, GraphProto, ModelProto, NodeProto, TensorProto, ValueInfoProto } from '../onnx_pb.js';
import { changed } from './changed.js';
import { subgraphsOf } from './names.js';
import { noSuchValue } from './part-of-graph.js';
import { soundModel } from './sound-model.js';

/**
 * The same model with other names for some of its values: inputs, outputs, initializers and those between, in the graphs within nodes too. `names` has the
 * new name for each old one; names can be exchanged. Nodes keep theirs.
 *
 * Throws TENSOR_NAME where there is no value of an old name, INVALID_ARGUMENT where a new one is empty or taken, MODEL_UNSUPPORTED below opset 7 and for
 * models with a graph for their training, MODEL_INVALID for a damaged model.
 */
export function renameValues(model: ModelProto, names: Readonly<Record<string, string>>): ModelProto {
  if (names === null || typeof names !== 'object' || Array.isArray(names))
    throw invalidArgument('names', 'an object of names', names);
  const { graph } = soundModel(model);
  if (model.trainingInfo.length > 0) {
    throw new ModelError('MODEL_UNSUPPORTED', {
      message: 'Expected a model whose values can be renamed but it has a graph for its training, which names them as well',
      hint: 'Export the model for inference.',
    });
  }
  checkRenames(graph, names);
  return changed(model, { graph: renamedGraph(graph, new Map(Object.entries(names))) });
}

function checkRenames(graph: GraphProto, names: Readonly<Record<string, string>>): void {
  const values = valuesOf(graph);
  const made = new Set<string>();
  for (const [old, name] of Object.entries(names)) {
    if (typeof name !== 'string' || name === '') throw invalidArgument(`names[${JSON.stringify(old)}]`, 'a name', name);
    if (!values.has(old)) throw noSuchValue(old, [...values]);
    if (made.has(name) || (values.has(name) && !Object.hasOwn(names, name))) throw collision(old, name);
    made.add(name);
  }
}

/** Names of all values, those in subgraphs included. */
function valuesOf(graph: GraphProto): Set<string> {
  const names = new Set<string>();
  const take = ({ node, input, output, initializer, sparseInitializer }: GraphProto): void => {
    for (const { name } of [...input, ...output, ...initializer]) names.add(name);
    for (const { values } of sparseInitializer) names.add(values?.name ?? '');
    for (const one of node) {
      for (const name of [...one.input, ...one.output]) names.add(name);
      subgraphsOf(one).forEach(take);
    }
  };
  take(graph);
  names.delete('');
  return names;
}

type NewNames = ReadonlyMap<string, string>;

/** @internal A graph whose values have other names, within its nodes too. The names are not checked. */
export function renamedGraph(graph: GraphProto, names: NewNames): GraphProto {
  const named = <T extends ValueInfoProto | TensorProto>(one: T): T => {
    const name = names.get(one.name);
    return name === undefined ? one : (changed<Message & { name: string }>(one, { name }) as T);
  };
  return changed(graph, {
    node: graph.node.map((node) => renamedNode(node, names)),
    input: graph.input.map(named),
    output: graph.output.map(named),
    valueInfo: graph.valueInfo.map(named),
    initializer: graph.initializer.map(named),
    sparseInitializer: graph.sparseInitializer.map((sparse) =>
      sparse.values === undefined ? sparse : changed(sparse, { values: named(sparse.values) }),
    ),
    quantizationAnnotation: graph.quantizationAnnotation.map((annotation) =>
      changed(annotation, {
        ...(names.has(annotation.tensorName) && { tensorName: names.get(annotation.tensorName) as string }),
        quantParameterTensorNames: annotation.quantParameterTensorNames.map((entry) =>
          names.has(entry.value) ? changed(entry, { value: names.get(entry.value) as string }) : entry,
        ),
      }),
    ),
  });
}

function renamedNode(node: NodeProto, names: NewNames): NodeProto {
  const list = (old: string[]): string[] =>
    old.some((name) => names.has(name)) ? old.map((name) => names.get(name) ?? name) : old;
  const [input, output] = [list(node.input), list(node.output)];
  if (subgraphsOf(node).length > 0)
    return changed(node, { input, output, attribute: node.attribute.map((own) => renamedWithin(own, names)) });
  return input === node.input && output === node.output ? node : changed(node, { input, output });
}

function renamedWithin(attribute: AttributeProto, names: NewNames): AttributeProto {
  return changed(attribute, {
    ...(attribute.g && { g: renamedGraph(attribute.g, names) }),
    graphs: attribute.graphs.map((graph) => renamedGraph(graph, names)),
  });
}

function collision(old: string, name: string): ArgumentError {
  return new ArgumentError('INVALID_ARGUMENT', {
    message: `Expected a new name for ${JSON.stringify(old)} but another value has the name ${JSON.stringify(name)}`,
    hint: 'Give each value a name of its own; rename the other one too, to exchange them.',
    details: { old, name },
  });
}
