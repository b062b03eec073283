import { create } from '@bufbuild/protobuf';
import {
  changed,
  DataType,
  TypeProto_TensorSchema,
  TypeProtoSchema,
  ValueInfoProtoSchema,
  type ModelProto,
} from '../graph/index.js';
import { nothingKept } from './form-plan.js';
import { planOnnxRuntime } from './plan-onnxruntime.js';
import { planTensorRt } from './plan-tensorrt.js';
import { Structure } from './structure.js';
import { tapsOf } from './value-source.js';

/** A value that calibration looks at. */
export interface CalibrationPoint {
  readonly name: string;
  /** Where its channels lie; undefined where that is not known. */
  readonly channelAxis: number | undefined;
}

/**
 * The values whose distribution decides the scales of either form, in the order of the graph: what layers read and make, where that is an
 * activation the value that it is one of. `model` has been normalised. Throws MODEL_UNSUPPORTED where it has no layer that can be quantised.
 */
export function calibrationPoints(model: ModelProto): CalibrationPoint[] {
  const structure = new Structure(model);
  structure.checkLayers();
  return pointsOf(structure);
}

/** The same; none where there is no layer. */
export function layerPoints(model: ModelProto): CalibrationPoint[] {
  return pointsOf(new Structure(model));
}

function pointsOf(structure: Structure): CalibrationPoint[] {
  const quantized = new Set<string>();
  for (const plan of [planOnnxRuntime(structure, nothingKept), planTensorRt(structure, nothingKept)]) {
    for (const value of plan.quantized) quantized.add(value);
  }
  for (const node of structure.nodes) if (structure.kind(node) === 'product') quantized.add(node.outputs[0] as string);
  const taps = new Set([...quantized].flatMap((value) => tapsOf(structure, value)));
  const order = [...structure.inputs, ...structure.nodes.flatMap(({ outputs }) => outputs)];
  return order.filter((name) => taps.has(name)).map((name) => ({ name, channelAxis: channelAxisOf(structure, name) }));
}

function channelAxisOf(structure: Structure, value: string): number | undefined {
  const rank = structure.sizes.get(value)?.length;
  const producer = structure.producer(value);
  if (producer?.opType === 'Conv' || rank === 4) return 1;
  return rank === undefined || rank < 2 ? undefined : rank - 1;
}

/** The same model, with values of it as further outputs, in the order given. One that is an output already stays where it is. */
export function tappedModel(model: ModelProto, names: readonly string[]): ModelProto {
  const { graph } = model;
  if (graph === undefined) return model;
  const outputs = new Set(graph.output.map(({ name }) => name));
  // Shapes are left to the run.
  const type = create(TypeProtoSchema, {
    value: { case: 'tensorType', value: create(TypeProto_TensorSchema, { elemType: DataType.FLOAT }) },
  });
  const added = names.filter((name) => !outputs.has(name)).map((name) => create(ValueInfoProtoSchema, { name, type }));
  return changed(model, { graph: changed(graph, { output: [...graph.output, ...added] }) });
}
