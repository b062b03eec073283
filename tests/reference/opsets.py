"""Writes tests/reference/fixtures/opsets: what ONNX says of the operators that changed from opset 7 to 22, and what onnxruntime makes of them.

    python opsets.py          changes.json and cases.json
    python opsets.py check    checked.json; needs `npm run build:ts`

changes.json  by operator that changed after opset 7: the opsets in which it did. From the schemas of onnx.
cases.json    models of one operator each, in an opset before a change, with random attributes and inputs: the bytes of the model, and inputs and outputs as
              {dtype, dims, data}, the bytes in base64. What they give is what onnxruntime gives without graph optimisation.
checked.json  by case, and by the opset that it is upgraded to, the SHA-256 of the model that upgradeOpset of this project makes of it (upgraded.mjs), which
              onnx.checker accepted with full_check.
"""

import base64
import hashlib
import json
import pathlib
import subprocess
import sys

import numpy as np
import onnx
import onnxruntime
from onnx import TensorProto, helper, numpy_helper

HERE = pathlib.Path(__file__).resolve().parent
FIXTURES = HERE / "fixtures" / "opsets"
OLDEST, NEWEST = 7, 22
# Those that models are upgraded to.
TARGETS = (17, 22)

rng = np.random.default_rng(7)


def changes():
    opsets = {}
    for schema in onnx.defs.get_all_schemas_with_history():
        if schema.domain == "" and schema.since_version <= NEWEST:
            opsets.setdefault(schema.name, set()).add(schema.since_version)
    # The first one is where it came from.
    changed = {name: sorted(v for v in sorted(versions)[1:] if v > OLDEST) for name, versions in opsets.items()}
    return {"operators": sorted(opsets), "changes": {name: versions for name, versions in sorted(changed.items()) if versions}}


def floats(*dims):
    return rng.uniform(-2, 2, dims).astype(np.float32)


def positive(*dims):
    return rng.uniform(0.1, 2, dims).astype(np.float32)


def halves(*dims):
    return rng.uniform(-2, 2, dims).astype(np.float16)


def whole(low, high, *dims, dtype=np.int64):
    return rng.integers(low, high, dims).astype(dtype)


def truths(*dims):
    return rng.integers(0, 2, dims).astype(bool)


def axes_of(rank, count):
    return sorted(int(axis) for axis in rng.choice(rank, count, replace=False))


class Case:
    """Arrays are inputs; `constants` are inputs that are initializers. `free` makes the first axis of inputs a free one."""

    def __init__(self, operator, opset, inputs, constants=(), outputs=1, free=False, label="", rank=1, **attributes):
        self.operator, self.opset, self.label = operator, opset, label
        self.inputs, self.constants, self.outputs, self.free = inputs, constants, outputs, free
        # Of outputs whose number of axes onnx cannot tell.
        self.rank = rank
        self.attributes = attributes

    @property
    def name(self):
        return f"{self.operator}-{self.opset}" + (f"-{self.label}" if self.label else "")

    def model(self):
        names = [f"i{n}" for n in range(len(self.inputs))]
        values = [
            helper.make_tensor_value_info(name, helper.np_dtype_to_tensor_dtype(array.dtype), self.shape(array))
            for name, array in zip(names, self.inputs)
        ]
        tensors = [numpy_helper.from_array(array, f"c{n}") for n, array in enumerate(self.constants) if array is not None]
        inputs = names + ["" if array is None else f"c{n}" for n, array in enumerate(self.constants)]
        outputs = [f"o{n}" for n in range(self.outputs)]
        node = helper.make_node(self.operator, inputs, outputs, name="the node", **self.attributes)
        graph = helper.make_graph([node], "case", values, [helper.make_empty_tensor_value_info(name) for name in outputs], tensors)
        model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", self.opset)], ir_version=4)
        inferred = onnx.shape_inference.infer_shapes(model)
        for output, known in zip(model.graph.output, inferred.graph.output):
            output.type.CopyFrom(known.type)
            output.type.tensor_type.elem_type = known.type.tensor_type.elem_type or TensorProto.FLOAT
            if not known.type.tensor_type.HasField("shape"):
                # As many axes as it has, of any size.
                output.type.tensor_type.shape.CopyFrom(helper.make_tensor_type_proto(1, [None] * self.rank).tensor_type.shape)
        return model

    def shape(self, array):
        return ["n", *array.shape[1:]] if self.free and array.ndim > 1 else array.shape

    def record(self):
        options = onnxruntime.SessionOptions()
        options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_DISABLE_ALL
        options.log_severity_level = 3
        content = self.model().SerializeToString()
        session = onnxruntime.InferenceSession(content, options, providers=["CPUExecutionProvider"])
        given = {f"i{n}": array for n, array in enumerate(self.inputs)}
        results = session.run(None, given)
        return {
            "name": self.name,
            "operator": self.operator,
            "opset": self.opset,
            "model": base64.b64encode(content).decode(),
            "inputs": {name: described(array) for name, array in given.items()},
            "outputs": {f"o{n}": described(np.asarray(array)) for n, array in enumerate(results)},
        }


def described(array):
    return {"dtype": str(array.dtype), "dims": list(array.shape), "data": base64.b64encode(np.ascontiguousarray(array).tobytes()).decode()}


def before(operator, changed):
    """The opsets just before a change of an operator, and the oldest one that has it."""
    first = max(OLDEST, min(s.since_version for s in onnx.defs.get_all_schemas_with_history() if s.name == operator and s.domain == ""))
    return sorted({first, *(opset - 1 for opset in changed if opset - 1 >= first)})


UNARY = "Acos Acosh Asin Asinh Atan Atanh Cos Cosh Sin Sinh Tan Elu HardSigmoid HardSwish Mish Round Selu Softplus Softsign ThresholdedRelu "
UNARY += "GlobalAveragePool GlobalMaxPool GlobalLpPool LpNormalization "
UNARY += "Abs Ceil Exp Floor Identity LeakyRelu Neg Reciprocal Relu Sigmoid Size Shape Tanh Erf Sign NonZero LRN MeanVarianceNormalization"
UNARY = UNARY.split()
BINARY = "Add Sub Mul Div Pow Max Mean Min Sum PRelu".split()
COMPARISONS = "Greater Less GreaterOrEqual LessOrEqual".split()
REDUCTIONS = "ReduceL1 ReduceL2 ReduceLogSum ReduceLogSumExp ReduceMax ReduceMean ReduceMin ReduceProd ReduceSum ReduceSumSquare".split()
FLATTENING = "Softmax LogSoftmax Hardmax".split()


def cases_of(name, opset):
    """Cases of an operator in an opset."""
    make = lambda *arguments, **more: Case(name, opset, *arguments, **more)  # noqa: E731
    if name in UNARY:
        more = {"LRN": {"size": 3}, "LeakyRelu": {"alpha": 0.3}, "Elu": {"alpha": 0.7}, "LpNormalization": {"axis": 1, "p": 1}}.get(name, {})
        domain = {"Acos": 0.45, "Asin": 0.45, "Atanh": 0.45}.get(name, 1)
        elements = positive(2, 3, 2, 2) + 1 if name == "Acosh" else (floats(2, 3, 2, 2) * domain).astype(np.float32)
        return [make([elements], **more)]
    if name in ("Log", "Sqrt"):
        return [make([positive(2, 3)])]
    if name in BINARY:
        left = positive(2, 3, 4) if name == "Pow" else floats(2, 3, 4)
        if name in ("Max", "Mean", "Min", "Sum") and opset < 8:
            return [make([left, floats(2, 3, 4)])]
        return [make([left, floats(3, 4) if name not in ("PRelu",) else floats(3, 1)])]
    if name in COMPARISONS:
        return [make([floats(2, 3), floats(3)])]
    if name == "Equal":
        return [make([whole(0, 3, 2, 3), whole(0, 3, 3)])]
    if name in ("ArgMax", "ArgMin"):
        return [make([floats(2, 3, 4)], axis=int(rng.integers(0, 3)), keepdims=int(rng.integers(0, 2)))]
    if name in REDUCTIONS and opset >= 18:
        return [make([positive(2, 3, 4)], [np.array(axes_of(3, 2))], keepdims=0, rank=1), make([positive(2, 3, 4)], label="all", rank=3)]
    if name in REDUCTIONS:
        some = make([positive(2, 3, 4)], axes=axes_of(3, 2), keepdims=int(rng.integers(0, 2)), label="axes")
        return [some, make([positive(2, 3, 4)], label="all")]
    if name in FLATTENING:
        result = []
        for axis in range(4):
            result.append(make([floats(2, 3, 4, 2)], axis=axis, label=f"axis{axis}"))
            result.append(make([floats(2, 3, 4, 2)], axis=axis, label=f"free{axis}", free=True))
        result += [make([floats(2, 5, 1, 1)], label="ones"), make([floats(2, 5)], label="default")]
        return result + ([make([floats(2, 3, 4)], axis=-2, label="negative")] if opset >= 11 else [])
    if name in ("AveragePool", "MaxPool", "LpPool"):
        both = {"kernel_shape": [3, 2], "strides": [2, 1], "pads": [1, 0, 1, 1]}
        result = [make([floats(1, 2, 7, 6)], **both, label="pads"), make([floats(1, 2, 7, 6)], kernel_shape=[3, 3], strides=[2, 2], auto_pad="SAME_LOWER", label="same")]
        if name == "AveragePool":
            result.append(make([floats(1, 2, 7, 6)], **both, count_include_pad=1, label="counted"))
        if name != "LpPool" and opset >= 10:
            result.append(make([floats(1, 2, 7, 6)], **both, ceil_mode=1, label="ceil"))
        return result + ([make([floats(1, 2, 7, 6)], **both, outputs=2, label="indices")] if name == "MaxPool" and opset >= 8 else [])
    if name == "BatchNormalization":
        statistics = [positive(3), floats(3), floats(3), positive(3)]
        more = {"spatial": 1} if opset < 9 else {}
        return [make([floats(2, 3, 4, 4)], statistics, epsilon=0.01, **more)]
    if name == "Cast":
        return [make([floats(3, 4)], to=int(kind), label=str(int(kind))) for kind in (TensorProto.INT32, TensorProto.FLOAT16, TensorProto.BOOL)]
    if name == "CastLike":
        return [make([floats(3, 4)], [np.zeros(1, np.int32)], rank=2)]
    if name == "ConstantOfShape":
        return [make([], [np.array([2, 3])], value=helper.make_tensor("value", TensorProto.FLOAT, [1], [0.5]), rank=2)]
    if name == "DFT":
        signal = floats(2, 6, 5, 1)
        default = make([signal], rank=4, label="default")
        last = make([signal], [np.int64(4)], axis=2, rank=4, label="axis2")
        return [default, last, make([floats(2, 6, 2)], inverse=1, axis=1, rank=3, label="inverse")]
    if name == "DeformConv":
        return [make([floats(1, 2, 5, 5)], [floats(3, 2, 3, 3), floats(1, 18, 3, 3)])]
    if name == "Det":
        return [make([floats(2, 3, 3)])]
    if name == "EyeLike":
        return [make([floats(3, 4)], k=1, dtype=int(TensorProto.FLOAT))]
    if name == "GridSample":
        grid = rng.uniform(-1.1, 1.1, (1, 3, 4, 2)).astype(np.float32)
        modes = [make([floats(1, 2, 5, 6), grid], mode=mode, label=mode) for mode in ("bilinear", "bicubic", "nearest")] if opset < 20 else []
        new = [make([floats(1, 2, 5, 6), grid], mode="cubic", label="cubic")] if opset >= 20 else []
        return [*modes, *new, make([floats(1, 2, 5, 6), grid], padding_mode="border", align_corners=1, label="border")]
    if name == "GroupNormalization":
        size = 2 if opset < 21 else 6
        return [make([floats(2, 6, 3, 3)], [positive(size), floats(size)], num_groups=2, epsilon=0.01)]
    if name == "InstanceNormalization":
        return [make([floats(2, 3, 4, 4)], [positive(3), floats(3)], epsilon=0.01)]
    if name == "IsInf":
        return [make([np.array([1, -np.inf, np.inf], np.float32)], detect_negative=0)]
    if name == "MaxRoiPool":
        return [make([floats(1, 2, 6, 6)], [np.array([[0, 1, 1, 4, 5]], np.float32)], pooled_shape=[2, 2])]
    if name == "QLinearMatMul":
        scale, zero = np.float32(0.02), np.uint8(120)
        return [make([whole(0, 255, 2, 3, dtype=np.uint8)], [scale, zero, whole(0, 255, 3, 4, dtype=np.uint8), scale, zero, np.float32(0.05), zero])]
    if name == "Clip":
        bounds = {"min": -0.5, "max": 0.75}
        if opset >= 11:
            return [make([floats(3, 4)], [np.float32(-0.5), np.float32(0.75)])]
        one = [make([floats(3, 4)], **{bound: bounds[bound]}, label=bound) for bound in bounds]
        extremes = np.array([np.inf, -np.inf, 3.4e38, -1], np.float32)
        return one + [make([floats(3, 4)], **bounds), make([extremes], label="none"), *([make([halves(3, 4)], **bounds, label="half")] if opset >= 8 else [])]
    if name == "Compress":
        return [make([floats(3, 4)], [np.array([True, False, True])], axis=0, rank=2)]
    if name == "Concat":
        return [make([floats(2, 3), floats(2, 4)], axis=1)]
    if name == "Constant":
        return [make([], value=numpy_helper.from_array(floats(2, 2)))]
    if name == "Conv":
        return [
            make([floats(1, 4, 6, 5)], [floats(6, 2, 3, 3), floats(6)], group=2, pads=[1, 0, 1, 2], strides=[2, 1]),
            make([floats(1, 4, 6, 5)], [floats(2, 4, 3, 2)], auto_pad="SAME_UPPER", label="same"),
        ]
    if name == "ConvTranspose":
        return [
            make([floats(1, 4, 3, 3)], [floats(4, 3, 3, 3), floats(6)], group=2, pads=[1, 0, 1, 2], strides=[2, 2], output_padding=[1, 0]),
            make([floats(1, 2, 3, 4)], [floats(2, 1, 4, 4)], auto_pad="SAME_UPPER", strides=[1, 1], label="upper"),
            make([floats(1, 2, 3, 4)], [floats(2, 1, 4, 4)], auto_pad="SAME_LOWER", strides=[1, 1], label="lower"),
            make([floats(1, 2, 3, 4)], [floats(2, 1, 4, 4)], output_shape=[5, 6], strides=[2, 2], label="shape"),
        ]
    if name == "CumSum":
        return [make([floats(2, 4)], [np.int32(1)], reverse=1)]
    if name in ("DepthToSpace", "SpaceToDepth"):
        return [make([floats(1, 8, 4, 4)], blocksize=2)]
    if name == "QuantizeLinear":
        return [make([floats(3, 4)], [np.float32(0.02), np.uint8(120)])]
    if name == "DequantizeLinear":
        return [make([whole(0, 255, 3, 4, dtype=np.uint8)], [np.float32(0.02), np.uint8(120)])]
    if name == "Dropout":
        more = {"ratio": 0.3} if opset < 12 else {}
        return [make([floats(3, 4)], **more)]
    if name == "Expand":
        return [make([floats(3, 1)], [np.array([2, 1, 4])])]
    if name == "Flatten":
        return [make([floats(2, 3, 4)], axis=int(axis), label=f"axis{axis}") for axis in (0, 2)]
    if name in ("RNN", "GRU", "LSTM"):
        gates = {"RNN": 1, "GRU": 3, "LSTM": 4}[name]
        return [make([floats(3, 2, 4)], [floats(1, gates * 5, 4), floats(1, gates * 5, 5), floats(1, gates * 10)], hidden_size=5, outputs=2)]
    if name == "Gather":
        return [make([floats(4, 3)], [whole(0, 3, 2, 2)], axis=1)]
    if name == "GatherElements":
        return [make([floats(3, 3)], [whole(-3, 3, 2, 3)], axis=0)]
    if name == "GatherND":
        return [make([floats(3, 4, 2)], [whole(0, 3, 5, 2)])]
    if name == "Gemm":
        return [make([floats(3, 4)], [floats(5, 4), floats(5)], alpha=0.5, beta=2.0, transB=1), make([floats(4, 3)], [floats(4, 5), floats(3, 1)], transA=1, label="transA")]
    if name == "IsNaN":
        return [make([np.array([1, np.nan, np.inf], np.float32)])]
    if name == "MatMul":
        return [make([floats(2, 3, 4)], [floats(4, 5)])]
    if name == "MaxUnpool":
        return [make([floats(1, 1, 2, 2)], [np.array([5, 7, 13, 15]).reshape(1, 1, 2, 2)], kernel_shape=[2, 2], strides=[2, 2])]
    if name == "Mod":
        return [make([whole(-9, 9, 6)], [np.array([2, 3, 5, 2, 3, 5])])]
    if name == "NonMaxSuppression":
        corners = np.sort(rng.uniform(0, 10, (1, 8, 2, 2)), axis=2).reshape(1, 8, 4).astype(np.float32)
        return [make([corners, positive(1, 2, 8)], [np.array([3]), np.array([0.4], np.float32), np.array([0.5], np.float32)], rank=2)]
    if name == "OneHot":
        return [make([np.array([[0, 2, 5], [1, -1, -6]])], [np.array([5]), np.array([0.5, 2], np.float32)], axis=axis, label=f"axis{axis}") for axis in (-1, 0)]
    if name == "Pad":
        if opset >= 11:
            return [make([floats(2, 3)], [np.array([0, 1, 2, -1]), np.float32(0.5)])]
        modes = [make([floats(2, 3, 4)], mode=mode, pads=[0, 1, 2, 0, 1, 1], label=mode) for mode in ("reflect", "edge", "constant")]
        half = make([halves(2, 3)], pads=[0, 1, 2, 1], value=1.5, label="half")
        return [*modes, make([floats(2, 3)], pads=[0, 1, 2, -1], value=1.5, label="value"), *([half] if opset >= 10 else [])]
    if name == "Reshape":
        return [make([floats(2, 3, 4)], [np.array([0, -1, 2])])]
    if name in ("Resize", "Upsample"):
        if name == "Resize" and opset >= 11:
            more = {"coordinate_transformation_mode": "align_corners", "nearest_mode": "round_prefer_ceil"}
            return [make([floats(1, 2, 4, 5)], [np.zeros(0, np.float32), np.array([1, 1, 1.5, 0.7], np.float32)], mode="nearest", **more)]
        sizes = {"up": [1, 1, 2, 1.6], "down": [1, 1, 0.6, 0.4], "both": [1, 1, 1.7, 0.6]}
        result = []
        for label, scales in sizes.items():
            if name == "Upsample" and label != "up":
                continue
            for mode in ("nearest", "linear"):
                if name == "Upsample" and opset < 9:
                    result.append(make([floats(1, 2, 5, 7)], scales=[float(scale) for scale in scales], mode=mode, label=f"{label}-{mode}"))
                    continue
                result.append(make([floats(1, 2, 5, 7)], [np.array(scales, np.float32)], mode=mode, label=f"{label}-{mode}"))
                result.append(make([floats(1, 2, 5, 7), np.array(scales, np.float32)], mode=mode, label=f"{label}-{mode}-free"))
        return result
    if name == "RoiAlign":
        boxes = np.array([[0, 0, 6, 6], [1.5, 2, 7, 5]], np.float32)
        return [make([floats(1, 2, 8, 8)], [boxes, np.zeros(2, np.int64)], output_height=3, output_width=2, sampling_ratio=2, spatial_scale=0.8)]
    if name in ("Scatter", "ScatterElements"):
        return [make([floats(3, 3)], [np.array([[1, 0, 2], [0, 2, 1]]), floats(2, 3)], axis=0)]
    if name == "ScatterND":
        return [make([floats(4, 3)], [np.array([[1], [3]]), floats(2, 3)])]
    if name == "Slice":
        if opset >= 10:
            return [make([floats(4, 5, 6)], [np.array([1, 4]), np.array([9, 0]), np.array([0, 2]), np.array([2, -1])])]
        return [make([floats(4, 5, 6)], starts=[1, -4], ends=[9, -1], axes=[0, 2]), make([floats(4, 5, 6)], starts=[1], ends=[3], label="first")]
    if name == "Split":
        parts = {"split": [1, 3, 2]} if opset < 13 else {}
        return [make([floats(6, 4)], axis=0, outputs=3, **parts), make([floats(6, 4)], axis=1, outputs=2, label="equal")]
    if name == "Squeeze":
        if opset >= 13:
            return [make([floats(1, 3, 1)], [np.array([2])], rank=2), make([floats(1, 3, 1)], label="all")]
        return [make([floats(1, 3, 1)], axes=[2]), make([floats(1, 3, 1)], label="all")]
    if name == "Unsqueeze":
        return [make([floats(3, 2)], [np.array([0, 3])], rank=4)] if opset >= 13 else [make([floats(3, 2)], axes=[0, 3])]
    if name == "Tile":
        return [make([floats(2, 3)], [np.array([2, 1])])]
    if name == "TopK":
        ties = whole(0, 4, 3, 7).astype(np.float32)
        if opset >= 10:
            return [make([ties], [np.array([3])], outputs=2)]
        return [make([ties], k=3, outputs=2), make([ties], k=2, axis=0, outputs=2, label="axis0")]
    if name == "Transpose":
        return [make([floats(2, 3, 4)], perm=[2, 0, 1])]
    if name == "Where":
        return [make([truths(2, 3), floats(2, 3), floats(3)])]
    return []


# What changes nothing for graphs within nodes is tested with made graphs (tests/graph/upgrade-opset.test.ts).
WITHOUT_CASES = {"If", "Loop", "Scan", "NegativeLogLikelihoodLoss", "SoftmaxCrossEntropyLoss"}
# Values that may not be there are no tensors; what is drawn is another one at each run.
WITHOUT_CASES |= {"OptionalGetElement", "OptionalHasElement", "Bernoulli", "Multinomial"}
WITHOUT_CASES |= {"RandomNormal", "RandomNormalLike", "RandomUniform", "RandomUniformLike"}


def write():
    FIXTURES.mkdir(parents=True, exist_ok=True)
    known = changes()
    records = []
    for operator, changed in known["changes"].items():
        count = len(records)
        for opset in before(operator, changed):
            # An operator that is gone is asked for only while it is there.
            if (operator == "Upsample" and opset >= 10) or (operator == "Scatter" and opset >= 11):
                continue
            records += [case.record() for case in cases_of(operator, opset)]
        if len(records) == count and operator not in WITHOUT_CASES:
            raise SystemExit(f"there is no case of {operator}")
    dump("changes.json", known)
    dump("cases.json", records)


def check():
    upgraded = json.loads(subprocess.run(["node", str(HERE / "upgraded.mjs"), *map(str, TARGETS)], check=True, capture_output=True).stdout)
    checked = {}
    for name, made in upgraded.items():
        checked[name] = {}
        for target, content in made.items():
            content = base64.b64decode(content)
            model = onnx.load_from_string(content)
            # Shapes of this one are not inferred: onnx stumbles over the function that it stands for.
            onnx.checker.check_model(model, full_check=not name.startswith("MeanVarianceNormalization"))
            assert [(entry.domain, entry.version) for entry in model.opset_import] == [("", int(target))], name
            checked[name][target] = hashlib.sha256(content).hexdigest()
    dump("checked.json", checked)


def dump(name, content):
    if isinstance(content, list):
        text = "[\n" + ",\n".join(json.dumps(entry) for entry in content) + "\n]\n"
    else:
        text = json.dumps(content, indent=1) + "\n"
    (FIXTURES / name).write_text(text)


if __name__ == "__main__":
    check() if sys.argv[1:] == ["check"] else write()
