import {
  DataType,
  readWithin,
  sortTopologically,
  typesOfValues,
  type GraphProto,
  type ModelProto,
  type OnnxNode,
} from '../graph/index.js';
import { Structure } from './structure.js';

/** Inputs of operators that stay float32 whatever else does: they tell sizes. */
const sizeInputs: ReadonlyMap<string, ReadonlySet<number>> = new Map([['Resize', new Set([1, 2])]]);

/** Which values of a graph are tensors of float32. */
export class FloatValues {
  readonly structure: Structure;
  readonly #typeOf: (name: string) => DataType | undefined;

  /** Throws as {@link Structure} does. */
  constructor(model: ModelProto) {
    this.structure = new Structure(model);
    this.#typeOf = typesOfValues(sortTopologically(model.graph as GraphProto));
  }

  isFloat(name: string): boolean {
    return name !== '' && this.#typeOf(name) === DataType.FLOAT;
  }

  /** Whether the type of a value follows from nothing, as what an operator of another domain makes. */
  isUnknown(name: string): boolean {
    return name !== '' && this.#typeOf(name) === undefined;
  }

  /** Whether a value is of that type in the model as it is. */
  isOfType(name: string, type: DataType): boolean {
    return this.#typeOf(name) === type;
  }

  /** Whether a value is of a type that sizes and places have. */
  isInteger(name: string): boolean {
    const type = this.#typeOf(name);
    return type === DataType.INT64 || type === DataType.INT32;
  }

  /** Whether an input of a node is float32 and takes part in what it computes. */
  isOperand(node: OnnxNode, input: number): boolean {
    return this.isFloat(node.inputs[input] ?? '') && sizeInputs.get(node.opType)?.has(input) !== true;
  }

  /** Whether a node reads or makes elements of float32, or may do so. */
  computesWithFloats(node: OnnxNode): boolean {
    const isSo = (name: string): boolean => this.isFloat(name) || this.isUnknown(name);
    return node.inputs.some((name, input) => this.isOperand(node, input) || this.isUnknown(name)) || node.outputs.some(isSo);
  }

  /** Whether there are graphs within a node, which read what is around them by its name. */
  hasGraphs(node: OnnxNode): boolean {
    return readWithin(node.proto).length > 0;
  }

  /** Names of what nodes make of float32, in their order, after the inputs. */
  get names(): readonly string[] {
    return [
      ...this.structure.inputs,
      ...this.structure.nodes.flatMap(({ outputs }) => outputs.filter((name) => this.isFloat(name))),
    ];
  }
}
