/**
 * The operators of ONNX up to opset 17, and of each the opsets after 7 in which it changed without a change to what was possible before: more element
 * types, attributes whose default is what was, negative axes. Those that changed otherwise have a rule besides (upgrade-rules.ts); `Upsample` and `Scatter`
 * have nothing else. A test holds the two to the change log of ONNX (tests/reference/opset_changes.py).
 */
const wider = `
Abs 13, Acos, Acosh, Add 13 14, And, ArgMax 11 12 13, ArgMin 11 12 13, Asin, Asinh, Atan, Atanh, AveragePool 10 11,
BatchNormalization 15, Bernoulli, BitShift, BlackmanWindow, Cast 9 13, CastLike, Ceil 13, Celu, Clip 12 13, Compress 11,
Concat 11 13, ConcatFromSequence, Constant 9 11 12 13, ConstantOfShape, Conv 11, ConvInteger, ConvTranspose 11, Cos, Cosh,
CumSum 14, DFT, DepthToSpace 11 13, DequantizeLinear 13, Det, Div 13 14, Dropout 13, DynamicQuantizeLinear, Einsum, Elu,
Equal 11 13, Erf 13, Exp 13, Expand 13, EyeLike, Flatten 9 11 13, Floor 13, GRU 14, Gather 11 13, GatherElements 13,
GatherND 12 13, Gemm 9 11 13, GlobalAveragePool, GlobalLpPool, GlobalMaxPool, Greater 9 13, GreaterOrEqual 16, GridSample,
HammingWindow, HannWindow, HardSigmoid, HardSwish, Hardmax 11, Identity 13 14 16, If 11 13 16, InstanceNormalization, IsInf,
IsNaN 13, LRN 13, LSTM 14, LayerNormalization, LeakyRelu 16, Less 9 13, LessOrEqual 16, Log 13, LogSoftmax 11, Loop 11 13 16,
LpNormalization, LpPool 11, MatMul 9 13, MatMulInteger, Max 8 12 13, MaxPool 8 10 11 12, MaxRoiPool, MaxUnpool 11, Mean 8 13,
MeanVarianceNormalization 13, MelWeightMatrix, Min 8 12 13, Mod 13, Mul 13 14, Multinomial, Neg 13,
NegativeLogLikelihoodLoss 13, NonMaxSuppression 11, NonZero 13, Not, Optional, OptionalGetElement, OptionalHasElement, Or,
PRelu 9 16, Pad 13, Pow 12 13 15, QLinearConv, QLinearMatMul, QuantizeLinear 13, RNN 14, RandomNormal, RandomNormalLike,
RandomUniform, RandomUniformLike, Range, Reciprocal 13, ReduceL1 11 13, ReduceL2 11 13, ReduceLogSum 11 13,
ReduceLogSumExp 11 13, ReduceMax 11 12 13, ReduceMean 11 13, ReduceMin 11 12 13, ReduceProd 11 13, ReduceSum 11,
ReduceSumSquare 11 13, Relu 13 14, Reshape 13 14, Resize 13, ReverseSequence, Round, STFT, Scan 11 16, ScatterElements 13 16,
ScatterND 13 16, Selu, SequenceAt, SequenceConstruct, SequenceEmpty, SequenceErase, SequenceInsert, SequenceLength,
SequenceMap, Shape 13 15, Shrink, Sigmoid 13, Sign 13, Sin, Sinh, Size 13, Slice 11 13, Softmax 11,
SoftmaxCrossEntropyLoss 13, Softplus, Softsign, SpaceToDepth 13, Split 11, SplitToSequence, Sqrt 13, Squeeze 11,
StringNormalizer, Sub 13 14, Sum 8 13, Tan, Tanh 13, TfIdfVectorizer, ThresholdedRelu, Tile 13, TopK 11, Transpose 13, Trilu,
Unique, Unsqueeze 11, Where 16, Xor
`;

/** Opsets by operator. */
export const widened: ReadonlyMap<string, readonly number[]> = new Map(
  wider.split(',').map((entry) => {
    const [operator = '', ...opsets] = entry.trim().split(/\s+/);
    return [operator, opsets.map(Number)];
  }),
);
