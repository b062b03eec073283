export { type ElementType } from './element-type.js';
export { diffModels, type Change, type ChangedNode, type ModelDiff, type NamedTensor, type NodeLabel } from './diff-models.js';
export { type TensorDifference, type TensorLabel } from './diff-tensors.js';
export { externalDataOf, type ExternalData } from './external-data.js';
export { type ReadOptions } from './file-bytes.js';
export { plainDomain, type AttributeValue, type OnnxGraph, type OnnxNode } from './onnx-graph.js';
export { type ModelProto } from './onnx_pb.js';
export {
  countMacs,
  countOperators,
  countParameters,
  type MacCount,
  type OperatorCount,
  type ParameterCount,
} from './model-counts.js';
export { writeModel, type WriteModelOptions, type WrittenModel } from './model-file.js';
export { inlineExternalData } from './inline-external-data.js';
export { checkModelFile, modelPath } from './model-path.js';
export { OnnxModel, parseModel, type ParseOptions } from './onnx-model.js';
export { type OnnxTensor, type TensorData } from './onnx-tensor.js';
export { GraphLinks } from './graph-links.js';
export { bakeArgMax, type BakeArgMaxOptions } from './passes/bake-argmax.js';
export { bakePreprocess, pixelAxes, type BakedPreprocess } from './passes/bake-preprocess.js';
export { bakeTopK, type BakeTopKOptions } from './passes/bake-top-k.js';
export { cutOutputs } from './passes/cut-outputs.js';
export { extractSubgraph, type SubgraphEnds } from './passes/extract-subgraph.js';
export { foldBatchNorm } from './passes/fold-batch-norm.js';
export { foldConstants, type ConstantValue, type EvaluateConstants } from './passes/fold-constants.js';
export { freeBatch } from './passes/free-batch.js';
export { inlineConstants } from './passes/inline-constants.js';
export { normalizeConv } from './passes/normalize-conv.js';
export { normalizeModel, type NormalizeModelOptions } from './passes/normalize-model.js';
export { removeUnused } from './passes/remove-unused.js';
export { renameValues } from './passes/rename-values.js';
export { sortTopologically } from './passes/sort-topologically.js';
export { upgradeOpset } from './passes/upgrade-opset.js';
export { parseModelAt, readModel, readModelBytes, type ReadModelOptions } from './read-model.js';
export { type Dimension, type ValueInfo, type ValueKind } from './value-info.js';
export { encodeModel } from './write-model.js';
// For passes of other folders.
export {
  AttributeProto_AttributeType as AttributeType,
  AttributeProtoSchema,
  GraphProtoSchema,
  NodeProtoSchema,
  TensorProto_DataType as DataType,
  TensorProtoSchema,
  TypeProto_TensorSchema,
  TypeProtoSchema,
  ValueInfoProtoSchema,
  type GraphProto,
  type NodeProto,
  type TensorProto,
} from './onnx_pb.js';
export { changed } from './passes/changed.js';
export { madeNode } from './passes/made-nodes.js';
export { FreshNames, readBy, readWithin } from './passes/names.js';
export { soundModel } from './passes/sound-model.js';
export { type Sizes } from './shape-rule.js';
export { sizesOfValues } from './value-sizes.js';
export { typesOfValues } from './value-types.js';
