"""Writes the small ONNX models of tests/native/fixtures, which the native tests and the contract suite open.

    python make_models.py [FOLDER]

Deterministic: the same onnx package writes the same bytes. The folder defaults to tests/native/fixtures.
"""

import pathlib
import sys

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

OPSET = 17
IR_VERSION = 8

# Names as foveate spells them, in the order of native/core/dtype.h.
DTYPES = {
    "float32": TensorProto.FLOAT,
    "float16": TensorProto.FLOAT16,
    "bfloat16": TensorProto.BFLOAT16,
    "float64": TensorProto.DOUBLE,
    "uint8": TensorProto.UINT8,
    "int8": TensorProto.INT8,
    "uint16": TensorProto.UINT16,
    "int16": TensorProto.INT16,
    "uint32": TensorProto.UINT32,
    "int32": TensorProto.INT32,
    "uint64": TensorProto.UINT64,
    "int64": TensorProto.INT64,
    "bool": TensorProto.BOOL,
}


def tensor(name, dtype, shape):
    return helper.make_tensor_value_info(name, dtype, shape)


def floats(name, shape):
    return tensor(name, TensorProto.FLOAT, shape)


def model(name, nodes, inputs, outputs, initializers=(), opset=OPSET, ir_version=IR_VERSION):
    graph = helper.make_graph(list(nodes), name, list(inputs), list(outputs), list(initializers))
    made = helper.make_model(graph, opset_imports=[helper.make_opsetid("", opset)], producer_name="foveate-tests")
    made.ir_version = ir_version
    return made


def identities():
    for name, dtype in DTYPES.items():
        node = helper.make_node("Identity", ["x"], ["y"])
        yield f"identity_{name}", model(
            f"identity_{name}", [node], [tensor("x", dtype, ["n", 3])], [tensor("y", dtype, ["n", 3])]
        )


def fixed():
    """y = a + b, and the difference as a second output."""
    return model(
        "fixed",
        [helper.make_node("Add", ["a", "b"], ["sum"]), helper.make_node("Sub", ["a", "b"], ["difference"])],
        [floats("a", [2, 3]), floats("b", [2, 3])],
        [floats("sum", [2, 3]), floats("difference", [2, 3])],
    )


def dynamic():
    """scores = images x W + bias: two dynamic dimensions, one with a name."""
    weights = np.arange(12, dtype=np.float32).reshape(4, 3) / 8
    bias = np.array([1, 2, 3], dtype=np.float32)
    return model(
        "dynamic",
        [
            helper.make_node("MatMul", ["images", "weights"], ["product"]),
            helper.make_node("Add", ["product", "bias"], ["scores"]),
        ],
        [floats("images", ["batch", None, 4])],
        [floats("scores", ["batch", None, 3])],
        [numpy_helper.from_array(weights, "weights"), numpy_helper.from_array(bias, "bias")],
    )


def nonzero():
    """The number of columns of the output is known only after the run."""
    return model(
        "nonzero",
        [helper.make_node("NonZero", ["x"], ["indices"])],
        [floats("x", ["rows", "columns"])],
        [tensor("indices", TensorProto.INT64, [2, "count"])],
    )


def scalar():
    return model(
        "scalar",
        [helper.make_node("ReduceSum", ["x"], ["total"], keepdims=0)],
        [floats("x", ["n"])],
        [floats("total", [])],
    )


def unranked():
    """Input and output without any declared shape."""
    return model("unranked", [helper.make_node("Neg", ["x"], ["y"])], [floats("x", None)], [floats("y", None)])


def default_input():
    """`bias` is an input with a default, which a caller need not give."""
    return model(
        "default_input",
        [helper.make_node("Add", ["x", "bias"], ["y"])],
        [floats("x", [2]), floats("bias", [2])],
        [floats("y", [2])],
        [numpy_helper.from_array(np.array([10, 20], dtype=np.float32), "bias")],
    )


def gather():
    """Fails while it runs when an index is out of range."""
    return model(
        "gather",
        [helper.make_node("Gather", ["x", "indices"], ["y"], axis=0)],
        [floats("x", [4]), tensor("indices", TensorProto.INT64, ["n"])],
        [floats("y", ["n"])],
    )


def loop():
    """Repeats x = tanh(x) `count` times: runs for as long as a test wants."""
    body = helper.make_graph(
        [
            helper.make_node("Identity", ["condition_in"], ["condition_out"]),
            helper.make_node("Tanh", ["value_in"], ["value_out"]),
        ],
        "body",
        [
            tensor("iteration", TensorProto.INT64, []),
            tensor("condition_in", TensorProto.BOOL, []),
            floats("value_in", [64]),
        ],
        [tensor("condition_out", TensorProto.BOOL, []), floats("value_out", [64])],
    )
    return model(
        "loop",
        [helper.make_node("Loop", ["count", "go", "x"], ["y"], body=body)],
        [tensor("count", TensorProto.INT64, []), floats("x", [64])],
        [floats("y", [64])],
        [numpy_helper.from_array(np.array(True), "go")],
    )


def external(location):
    """y = x + weights, with the weights in another file."""
    weights = numpy_helper.from_array(np.arange(256, dtype=np.float32), "weights")
    weights.ClearField("raw_data")
    weights.data_location = TensorProto.EXTERNAL
    for key, value in (("location", location), ("offset", "0"), ("length", "1024")):
        entry = weights.external_data.add()
        entry.key, entry.value = key, value
    return model(
        "external",
        [helper.make_node("Add", ["x", "weights"], ["y"])],
        [floats("x", [256])],
        [floats("y", [256])],
        [weights],
    )


def unknown_operator():
    return model("unknown_operator", [helper.make_node("Frobnicate", ["x"], ["y"])], [floats("x", [1])], [floats("y", [1])])


def unknown_domain():
    node = helper.make_node("Frobnicate", ["x"], ["y"], domain="com.example.nowhere")
    made = model("unknown_domain", [node], [floats("x", [1])], [floats("y", [1])])
    made.opset_import.append(helper.make_opsetid("com.example.nowhere", 1))
    return made


def identity_at(name, opset=OPSET, ir_version=IR_VERSION):
    node = helper.make_node("Identity", ["x"], ["y"])
    return model(name, [node], [floats("x", [1])], [floats("y", [1])], opset=opset, ir_version=ir_version)


def without_kernel():
    """Valid, but runtimes implement BitShift for few of its types, and not for uint16."""
    return model(
        "without_kernel",
        [helper.make_node("BitShift", ["x", "by"], ["y"], direction="LEFT")],
        [tensor("x", TensorProto.UINT16, [2]), tensor("by", TensorProto.UINT16, [2])],
        [tensor("y", TensorProto.UINT16, [2])],
    )


def type_error():
    """Adds a float32 to an int64: no valid graph."""
    return model(
        "type_error",
        [helper.make_node("Add", ["x", "k"], ["y"])],
        [floats("x", [1]), tensor("k", TensorProto.INT64, [1])],
        [floats("y", [1])],
    )


def string_input():
    return model(
        "string_input",
        [helper.make_node("Identity", ["text"], ["copy"])],
        [tensor("text", TensorProto.STRING, [1])],
        [tensor("copy", TensorProto.STRING, [1])],
    )


def sequence_output():
    sequence = helper.make_tensor_sequence_value_info("pieces", TensorProto.FLOAT, None)
    return model("sequence_output", [helper.make_node("SplitToSequence", ["x"], ["pieces"])], [floats("x", [2])], [sequence])


def optional_output():
    element = helper.make_tensor_type_proto(TensorProto.FLOAT, [2])
    output = helper.make_value_info("maybe", helper.make_optional_type_proto(element))
    return model("optional_output", [helper.make_node("Optional", ["x"], ["maybe"])], [floats("x", [2])], [output])


def models():
    yield from identities()
    for build in (
        fixed, dynamic, nonzero, scalar, unranked, default_input, gather, loop, unknown_operator, unknown_domain,
        without_kernel, type_error, string_input, sequence_output, optional_output,
    ):
        yield build.__name__, build()
    yield "opset_99", identity_at("opset_99", opset=99)
    yield "ir_99", identity_at("ir_99", ir_version=99)
    yield "external", external("external.bin")
    yield "external_outside", external("../outside.bin")


def main():
    default = pathlib.Path(__file__).resolve().parent.parent / "native" / "fixtures"
    folder = pathlib.Path(sys.argv[1]) if len(sys.argv) > 1 else default
    folder.mkdir(parents=True, exist_ok=True)
    for name, made in models():
        (folder / f"{name}.onnx").write_bytes(made.SerializeToString(deterministic=True))
    (folder / "external.bin").write_bytes(np.arange(256, dtype="<f4").tobytes())
    print(f"{len(list(folder.iterdir()))} files in {folder}")


if __name__ == "__main__":
    main()
