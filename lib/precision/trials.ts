import type { OnnxNode } from '../graph/index.js';
import type { FormNumbers } from './form-onnxruntime.js';
import type { FormPlan } from './form-plan.js';
import type { Int4Weights } from './int4-weights.js';
import type { Quantization } from './qdq-writer.js';
import type { Structure } from './structure.js';

/** Values that are quantised or left float together, to see what that alone does. */
export interface Trial {
  /** The value that gives it its name. */
  readonly value: string;
  /** What each becomes; of a constant, which has many scales, that itself. */
  readonly values: ReadonlyMap<string, Quantization | Int4Weights>;
  /** Multiply-accumulates of the products that stay float where these values do, and how many weights they have. */
  readonly macs: number;
  readonly weights: number;
}

/**
 * What of a plan can be left float by itself: an activation together with what it is one of, and with what only hands it on. Values that are handed on in the
 * scale that they have are quantised already.
 */
export function trialsOf(structure: Structure, plan: FormPlan, numbers: FormNumbers): Trial[] {
  const trials: Trial[] = [];
  const covered = new Set<string>();
  for (const value of [...plan.quantized].toReversed()) {
    // Of SiLU the product comes last, and takes its input and its gate along.
    const activated = structure.activated(value);
    if (covered.has(value) || structure.links.isOutput(value) || isHandedOn(structure, plan, numbers, value)) continue;
    const together = [value];
    if (activated?.activation.name === 'silu') {
      together.push(activated.input, ...structure.producer(value)!.inputs.filter((name) => name !== activated.input));
    }
    for (const name of together) covered.add(name);
    const quantized = together.filter((name) => plan.quantized.has(name));
    const products = [...productsAt(structure, plan, together)];
    trials.push({
      value,
      values: new Map(quantized.map((name) => [name, numbers.values.get(name) as Quantization])),
      macs: sum(products.map((node) => structure.macs(node))),
      weights: sum(products.map((node) => structure.weights(node).tensor.elementCount)),
    });
  }
  return trials.toReversed();
}

/** The products that cannot be computed in eight bits where these values are float. */
function productsAt(structure: Structure, plan: FormPlan, values: readonly string[]): ReadonlySet<OnnxNode> {
  const readers = values.flatMap((value) => structure.consumers(value));
  const makers = plan.form === 'onnxruntime' ? values.map((value) => makerOf(structure, value)) : [];
  return new Set(
    [...readers, ...makers].filter(
      (node): node is OnnxNode => node !== undefined && structure.kind(node) === 'product' && plan.int8.has(node),
    ),
  );
}

/** The product behind a value, or behind the activation that it is. */
function makerOf(structure: Structure, value: string): OnnxNode | undefined {
  const activated = structure.activated(value);
  return structure.producer(activated?.input ?? value);
}

function isHandedOn(structure: Structure, plan: FormPlan, numbers: FormNumbers, value: string): boolean {
  const producer = structure.producer(value);
  if (producer === undefined || !plan.int8.has(producer)) return false;
  const own = numbers.values.get(value);
  const isSame = (name: string): boolean => {
    const other = numbers.values.get(name);
    return other !== undefined && own !== undefined && other.scale === own.scale && other.zeroPoint === own.zeroPoint;
  };
  return (
    (structure.kind(producer) === 'carry' || producer.opType === 'Concat') && structure.activationInputs(producer).every(isSame)
  );
}

function sum(numbers: readonly number[]): number {
  return numbers.reduce((total, number) => total + number, 0);
}
