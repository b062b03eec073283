import { checkInteger } from '../../errors/index.js';
import { OnnxGraph, plainDomain } from '../onnx-graph.js';
import type { GraphProto, ModelProto, NodeProto } from '../onnx_pb.js';
import type { Sizes } from '../shape-rule.js';
import { fixedSizes } from '../value-sizes.js';
import { typesOfValues, type TypeLookup } from '../value-types.js';
import { changed } from './changed.js';
import { constantsOf, type ConstantLookup } from './constant-tensors.js';
import { FreshNames, readBy } from './names.js';
import { soundModel } from './sound-model.js';
import { withSubgraphs } from './subgraphs.js';
import { upgradeRules } from './upgrade-rules.js';
import { refusedUpgrade, UpgradeStep } from './upgrade-step.js';
import { introduced, widened } from './upgrade-table.js';

/** The newest opset that the rules lead to, and the one that is enough for all but FP8, INT4 and BF16. */
const newest = 22;
const usual = 17;
/** Below, there is no CastLike to tell types with that are known only at run time. */
const oldestTarget = 15;

/**
 * The same model, of opset 7 or newer, in a newer opset of ONNX's own operators, 15 to 22: attributes that became inputs, defaults and meanings that
 * changed, operators that got another name. The graphs within nodes are upgraded too; operators of other domains and functions of the model, which have an
 * opset of their own, are kept. The IR version becomes the one that came with the opset, 8 at least, where it is older.
 *
 * `model` is left as it is and shares its weights with the result; a model of this opset or a newer one is returned itself.
 *
 * Throws MODEL_UNSUPPORTED, with the node and the reason, for what cannot be said in the newer opset and for operators that ONNX does not have, and below opset
 * 7; MODEL_INVALID for a damaged model; INVALID_ARGUMENT.
 */
export function upgradeOpset(model: ModelProto, target: number = usual): ModelProto {
  checkInteger('target', target, oldestTarget, newest);
  const { graph, opset } = soundModel(model);
  if (opset >= target) return model;
  const upgrade = new OpsetUpgrade(model, graph, opset, target);
  return changed(model, {
    graph: upgrade.graph(graph, { sizes: () => null, types: () => undefined, constants: () => undefined }),
    opsetImport: model.opsetImport.map((own) =>
      plainDomain(own.domain) === '' ? changed(own, { version: BigInt(target) }) : own,
    ),
    irVersion: model.irVersion < irVersionOf(target) ? irVersionOf(target) : model.irVersion,
  });
}

/** The version of the format that came with an opset: https://github.com/onnx/onnx/blob/main/docs/Versioning.md */
function irVersionOf(opset: number): bigint {
  return opset >= 21 ? 10n : opset >= 19 ? 9n : 8n;
}

/** What is known of the values around a graph that lies within a node. */
interface Around {
  readonly sizes: (name: string) => Sizes;
  readonly types: TypeLookup;
  readonly constants: ConstantLookup;
}

class OpsetUpgrade {
  readonly #from: number;
  readonly #target: number;
  readonly #names: FreshNames;
  /** Operators that the model defines itself in ONNX's own domain. */
  readonly #functions: ReadonlySet<string>;

  constructor({ functions }: ModelProto, graph: GraphProto, from: number, target: number) {
    this.#from = from;
    this.#target = target;
    this.#names = new FreshNames(graph);
    this.#functions = new Set(functions.filter(({ domain }) => plainDomain(domain) === '').map(({ name }) => name));
  }

  graph(graph: GraphProto, outer: Around): GraphProto {
    const own = fixedSizes(new OnnxGraph(graph, undefined));
    const around = {
      sizes: (name: string): Sizes => own.get(name) ?? outer.sizes(name),
      types: typesOfValues(graph, outer.types),
      constants: constantsOf(graph, outer.constants),
    };
    const read = new Set([...graph.node.flatMap(readBy), ...graph.output.map(({ name }) => name)]);
    const surroundings = {
      from: this.#from,
      target: this.#target,
      names: this.#names,
      sizes: around.sizes,
      typeOf: around.types,
      constant: around.constants,
      isRead: (name: string): boolean => read.has(name),
    };
    const node = graph.node.flatMap((one): readonly NodeProto[] => {
      const within = withSubgraphs(one, (inner) => this.graph(inner, around));
      if (!this.#isOwn(within)) return [within];
      const upgrade = upgradeRules.get(within.opType);
      const applies = upgrade?.since.some((opset) => opset > this.#from && opset <= this.#target) === true;
      if (applies) {
        const step = new UpgradeStep(within, surroundings);
        const last = upgrade.rule(step);
        return [...step.made, last];
      }
      if (upgrade === undefined && !widened.has(within.opType))
        throw refusedUpgrade(within, `is no operator of ONNX up to opset ${newest}`);
      if (removed.has(within.opType) || (introduced.get(within.opType) ?? 0) > this.#from)
        throw refusedUpgrade(within, `is no operator of opset ${this.#from}`);
      return [within];
    });
    return changed(graph, { node });
  }

  #isOwn({ domain, opType }: NodeProto): boolean {
    return plainDomain(domain) === '' && !this.#functions.has(opType);
  }
}

/** Operators that newer opsets have under another name. */
const removed: ReadonlySet<string> = new Set(['Scatter', 'Upsample']);
