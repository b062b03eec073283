/**
 * The operators of ONNX up to opset 22, and of each the opsets after 7 in which it changed without a change to what was possible before: more element
 * types, attributes whose default is what was, negative axes. Those that changed otherwise have a rule (upgrade-rules.ts), if need be besides. That OneHot
 * counts from the end is new in its text only: engines did before. A test holds both to the change log of ONNX (tests/reference/opsets.py).
 */
const wider = `
Abs 13, Acos 22, Acosh 22, Add 13 14, AffineGrid, And, ArgMax 11 12 13, ArgMin 11 12 13, Asin 22, Asinh 22, Atan 22, Atanh 22,
AveragePool 10 11 19 22, BatchNormalization 15, Bernoulli 22, BitShift, BitwiseAnd, BitwiseNot, BitwiseOr, BitwiseXor,
BlackmanWindow, Cast 9 13 19 21, CastLike 19 21, Ceil 13, Celu, CenterCropPad, Clip 12 13, Col2Im, Compress 11, Concat 11 13,
ConcatFromSequence, Constant 9 11 12 13 19 21, ConstantOfShape 20 21, Conv 11 22, ConvInteger, ConvTranspose 11 22, Cos 22,
Cosh 22, CumSum 14, DFT, DeformConv 22, DepthToSpace 11 13, DequantizeLinear 13 19 21, Det 22, Div 13 14, Dropout 13 22,
DynamicQuantizeLinear, Einsum, Elu 22, Equal 11 13 19, Erf 13, Exp 13, Expand 13, EyeLike 22, Flatten 9 11 13 21, Floor 13,
GRU 14 22, Gather 11 13, GatherElements 13, GatherND 12 13, Gelu, Gemm 9 11 13, GlobalAveragePool 22, GlobalLpPool 22,
GlobalMaxPool 22, Greater 9 13, GreaterOrEqual 16, GridSample 22, GroupNormalization, HammingWindow, HannWindow, HardSigmoid 22,
HardSwish 22, Hardmax 11, Identity 13 14 16 19 21, If 11 13 16 19 21, ImageDecoder, InstanceNormalization 22, IsInf 20,
IsNaN 13 20, LRN 13, LSTM 14 22, LayerNormalization, LeakyRelu 16, Less 9 13, LessOrEqual 16, Log 13, LogSoftmax 11,
Loop 11 13 16 19 21, LpNormalization 22, LpPool 11 18 22, MatMul 9 13, MatMulInteger, Max 8 12 13, MaxPool 8 10 11 12 22,
MaxRoiPool 22, MaxUnpool 11 22, Mean 8 13, MeanVarianceNormalization 13, MelWeightMatrix, Min 8 12 13, Mish 22, Mod 13,
Mul 13 14, Multinomial 22, Neg 13, NegativeLogLikelihoodLoss 13 22, NonMaxSuppression 11, NonZero 13, Not, OneHot 11, Optional,
OptionalGetElement 18, OptionalHasElement 18, Or, PRelu 9 16, Pad 13 18 19 21, Pow 12 13 15, QLinearConv, QLinearMatMul 21,
QuantizeLinear 13 19 21, RNN 14 22, RandomNormal 22, RandomNormalLike 22, RandomUniform 22, RandomUniformLike 22, Range,
Reciprocal 13, ReduceL1 11 13, ReduceL2 11 13, ReduceLogSum 11 13, ReduceLogSumExp 11 13, ReduceMax 11 12 13 20,
ReduceMean 11 13, ReduceMin 11 12 13 20, ReduceProd 11 13, ReduceSum 11, ReduceSumSquare 11 13, RegexFullMatch, Relu 13 14,
Reshape 13 14 19 21, Resize 13 18 19, ReverseSequence, RoiAlign 22, Round 22, STFT, Scan 11 16 19 21, ScatterElements 13 16 18,
ScatterND 13 16 18, Selu 22, SequenceAt, SequenceConstruct, SequenceEmpty, SequenceErase, SequenceInsert, SequenceLength,
SequenceMap, Shape 13 15 19 21, Shrink, Sigmoid 13, Sign 13, Sin 22, Sinh 22, Size 13 19 21, Slice 11 13, Softmax 11,
SoftmaxCrossEntropyLoss 13, Softplus 22, Softsign 22, SpaceToDepth 13, Split 11, SplitToSequence, Sqrt 13, Squeeze 11 21,
StringConcat, StringNormalizer, StringSplit, Sub 13 14, Sum 8 13, Tan 22, Tanh 13, TfIdfVectorizer, ThresholdedRelu 22, Tile 13,
TopK 11, Transpose 13 21, Trilu, Unique, Unsqueeze 11 21, Where 16, Xor
`;

/** Opsets by operator. */
export const widened: ReadonlyMap<string, readonly number[]> = new Map(
  wider.split(',').map((entry) => {
    const [operator = '', ...opsets] = entry.trim().split(/\s+/);
    return [operator, opsets.map(Number)];
  }),
);

/** Operators that came after opset 17, and the opset that they came in. */
export const introduced: ReadonlyMap<string, number> = new Map([
  ['AffineGrid', 20],
  ['BitwiseAnd', 18],
  ['BitwiseNot', 18],
  ['BitwiseOr', 18],
  ['BitwiseXor', 18],
  ['CenterCropPad', 18],
  ['Col2Im', 18],
  ['DeformConv', 19],
  ['Gelu', 20],
  ['GroupNormalization', 18],
  ['ImageDecoder', 20],
  ['Mish', 18],
  ['RegexFullMatch', 20],
  ['StringConcat', 20],
  ['StringSplit', 20],
]);
