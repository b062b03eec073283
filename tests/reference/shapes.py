"""Writes tests/reference/fixtures/shapes: what onnx and onnxruntime say of the shapes in models.

    python shapes.py [SHARED]

SHARED is the folder with models/ (default: ../shared beside the repository).

operators.onnx  a model of many nodes: those that rearrange, with attributes and inputs of all kinds, and shapes that are computed as exporters do.
operators.json  the shape of every value in it when onnxruntime runs it.
models.json     by model of SHARED and of examples/models: shapes by onnx.shape_inference, which is given no shape between the nodes, a free first
                dimension of an input being 1; and the multiply-accumulates of convolutions and matrix products by these shapes.
"""

import json
import math
import pathlib
import sys

import numpy as np
import onnx
import onnxruntime
from onnx import TensorProto, helper, numpy_helper, shape_inference

REPOSITORY = pathlib.Path(__file__).resolve().parents[2]
FIXTURES = REPOSITORY / "tests" / "reference" / "fixtures" / "shapes"
OPSET = 18


class Builder:
    """A graph that grows node by node; inputs that are lists become constants."""

    def __init__(self):
        self.nodes, self.initializers, self.values = [], [], []

    def constant(self, values, dtype=np.int64):
        name = f"c{len(self.initializers)}"
        self.initializers.append(numpy_helper.from_array(np.array(values, dtype), name))
        return name

    def add(self, operator, inputs, outputs=1, **attributes):
        inputs = [value if isinstance(value, str) else self.constant(value) for value in inputs]
        names = [f"v{len(self.values) + i}" for i in range(outputs)]
        self.values += names
        self.nodes.append(helper.make_node(operator, inputs, names, **attributes))
        return names[0] if outputs == 1 else names


def operators():
    b = Builder()
    add, const = b.add, b.constant
    largest, smallest = 2**63 - 1, -(2**63)
    # x is [2, 12, 10, 9].
    add("Slice", ["x", [1], [5], [1]])
    add("Slice", ["x", [0], [largest], [2], [3]])
    add("Slice", ["x", [-3, -100], [100, -1], [-2, 3]])
    add("Slice", ["x", [-1], [smallest], [3], [-1]])
    add("Slice", ["x", [8, 50], [1, 0], [2, 3], [-3, -1]])
    add("Slice", ["x", [5], [5], [1]])
    add("Slice", ["x", [0, 0], [1, 7]])
    add("Split", ["x", [3, 4, 5]], 3, axis=1)
    add("Split", ["x"], 3, axis=1, num_outputs=3)
    add("Split", ["x"], 4, axis=-2, num_outputs=4)
    add("Pad", ["x", [0, 0, 1, 2, 0, 0, 3, 4]])
    add("Pad", ["x", [1, -1, 2, 3], "", [-1, 2]], mode="constant")
    scales = const([1, 1, 2, 1.5], np.float32)
    add("Resize", ["x", "", scales], mode="nearest")
    add("Resize", ["x", "", const([1, 1, 0.33, 0.7], np.float32)], mode="linear")
    add("Resize", ["x", "", "", [2, 12, 7, 31]], mode="linear", coordinate_transformation_mode="align_corners")
    add("Resize", ["x", "", const([3, 0.5], np.float32)], axes=[2, -1])
    add("Resize", ["x", "", "", [5, 6]], axes=[3, 2])
    one = add("ReduceMean", ["x", [2, 3]], keepdims=1)
    add("ReduceMean", ["x", [-1, 1]], keepdims=0)
    add("ReduceSum", ["x"], keepdims=0)
    add("ReduceMax", ["x"])
    add("ReduceSum", ["x"], noop_with_empty_axes=1)
    add("ArgMax", ["x"], axis=1)
    add("ArgMax", ["x"], axis=-1, keepdims=0)
    add("Squeeze", [one])
    flat = add("Squeeze", [one, [-1, 2]])
    add("Unsqueeze", [flat, [0, -1]])
    add("Unsqueeze", [flat, [1, 3, 4]])
    add("Gather", ["x", [3, 1, 2]], axis=1)
    add("Gather", ["x", const(4)], axis=-1)
    add("Gather", ["x", const([[0, 1, 2], [3, 4, 5]])], axis=2)
    add("Expand", [flat, [3, 1, 12]])
    add("Tile", ["x", [1, 2, 3, 1]])
    add("TopK", ["x", [4]], 2, axis=1)
    add("DepthToSpace", ["x"], blocksize=2)
    add("SpaceToDepth", [add("Slice", ["x", [0], [8], [3]])], blocksize=2)
    add("Concat", ["x", "x", "x"], axis=-3)
    add("Flatten", ["x"], axis=2)
    add("Transpose", ["x"], perm=[0, 2, 3, 1])
    grid = const(np.zeros((2, 5, 7, 2)), np.float32)
    add("GridSample", ["x", grid])
    add("GatherElements", ["x", const(np.zeros((1, 3, 2, 2)))], axis=1)
    # Shapes that are computed, as torch writes them.
    shape = add("Shape", ["x"])
    size = lambda axis: add("Gather", [shape, const(axis)])
    up = lambda value: add("Unsqueeze", [value, [0]])
    area = add("Mul", [size(2), size(3)])
    add("Reshape", ["x", add("Concat", [up(size(0)), up(size(1)), up(area)], axis=0)])
    half = add("Div", [size(1), const(2)])
    add("Slice", ["x", up(half), [largest], [1]])
    parts = add("Div", [add("Add", [size(3), const(2)]), const(3)])
    add("Slice", ["x", [0], up(add("Mul", [parts, const(2)])), [3]])
    spatial = add("Slice", [shape, [2], [4], [0]])
    floats = add("Cast", [spatial], to=TensorProto.FLOAT)
    doubled = add("Cast", [add("Floor", [add("Mul", [floats, const([2.5], np.float32)])])], to=TensorProto.INT64)
    head = add("Slice", [shape, [0], [2], [0]])
    add("Resize", ["x", "", "", add("Concat", [head, doubled], axis=0)])
    add("Reshape", ["x", add("Concat", [add("Shape", ["x"], start=0, end=2), [-1]], axis=0)])
    add("Reshape", ["x", add("Concat", [add("Shape", ["x"], start=-1), [-1]], axis=0)])
    add("Reshape", ["x", [0, -1, 0]])
    ones = add("ConstantOfShape", [[3]], value=helper.make_tensor("value", TensorProto.INT64, [1], [1]))
    wanted = const([-1, 2, 12])
    add("Expand", [flat, add("Where", [add("Equal", [wanted, add("Mul", [ones, const(-1)])]), ones, wanted])])
    add("Tile", ["x", add("Concat", [up(add("Div", [size(1), size(3)])), [1, 2, 1]], axis=0)])
    add("ConstantOfShape", [add("Concat", [up(add("Sub", [size(2), size(3)])), up(add("Min", [size(0), size(1)]))], axis=0)])
    reversed_shape = add("Slice", [shape, [-1], [smallest], [0], [-1]])
    add("Reshape", ["x", reversed_shape])
    add("Reshape", ["x", add("ReduceProd", [shape])])
    value = lambda name: helper.make_empty_tensor_value_info(name)
    graph = helper.make_graph(
        b.nodes,
        "operators",
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, [2, 12, 10, 9])],
        [value(name) for name in b.values],
        b.initializers,
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", OPSET)], ir_version=9)
    model = shape_inference.infer_shapes(model)
    types = {info.name: info.type.tensor_type.elem_type for info in model.graph.output}
    options = onnxruntime.SessionOptions()
    options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_DISABLE_ALL
    session = onnxruntime.InferenceSession(model.SerializeToString(), options)
    results = session.run(b.values, {"x": np.zeros((2, 12, 10, 9), np.float32)})
    # Kept without the shapes, of which only the last node's is an output: a reader has to infer the others.
    del graph.output[:]
    graph.output.append(helper.make_tensor_value_info(b.values[-1], types[b.values[-1]], None))
    kept = helper.make_model(graph, opset_imports=[helper.make_opsetid("", OPSET)], ir_version=9)
    return kept, {name: list(result.shape) for name, result in zip(b.values, results)}


def dims(value):
    tensor = value.type.tensor_type
    if not tensor.HasField("shape"):
        return None
    sizes = [dim.dim_value if dim.HasField("dim_value") else None for dim in tensor.shape.dim]
    return None if None in sizes else sizes


def macs(node, shapes):
    """Of one node; None where a shape is missing, 0 for other operators."""
    of = lambda index: shapes.get(node.input[index])
    out = shapes.get(node.output[0])
    weights = {"Conv": 1, "ConvInteger": 1, "QLinearConv": 3}.get(node.op_type)
    if weights is not None:
        return math.prod(out) * math.prod(of(weights)[1:]) if out and of(weights) else None
    if node.op_type == "ConvTranspose":
        return math.prod(of(0)) * math.prod(of(1)[1:]) if of(0) and of(1) else None
    if node.op_type in ("MatMul", "MatMulInteger"):
        return math.prod(out) * of(0)[-1] if out and of(0) else None
    if node.op_type == "Gemm":
        transposed = any(attribute.name == "transA" and attribute.i for attribute in node.attribute)
        return math.prod(out) * of(0)[0 if transposed else 1] if out and of(0) else None
    return 0


def described(path):
    model = onnx.load(path)
    del model.graph.value_info[:]
    initializers = {tensor.name for tensor in model.graph.initializer}
    for value in model.graph.input:
        sizes = value.type.tensor_type.shape.dim
        if value.name not in initializers and len(sizes) > 1 and not sizes[0].HasField("dim_value"):
            sizes[0].dim_value = 1
    for value in model.graph.output:
        value.type.tensor_type.ClearField("shape")
    inferred = shape_inference.infer_shapes(model, data_prop=True)
    shapes = {value.name: dims(value) for value in [*inferred.graph.value_info, *inferred.graph.output]}
    known = {**shapes, **{value.name: dims(value) for value in model.graph.input}}
    known.update({tensor.name: list(tensor.dims) for tensor in model.graph.initializer})
    counts = [macs(node, known) for node in model.graph.node]
    total = None if None in counts else sum(counts)
    return {"macs": total, "shapes": {name: shape for name, shape in shapes.items() if shape is not None}}


def main():
    shared = pathlib.Path(sys.argv[1] if len(sys.argv) > 1 else REPOSITORY.parent / "shared")
    FIXTURES.mkdir(parents=True, exist_ok=True)
    model, shapes = operators()
    (FIXTURES / "operators.onnx").write_bytes(model.SerializeToString(deterministic=True))
    (FIXTURES / "operators.json").write_text(json.dumps(shapes, indent=0) + "\n")
    groups = {"shared": shared / "models", "examples": REPOSITORY / "examples" / "models"}
    models = {
        group: {path.name: described(path) for path in sorted(folder.glob("*.onnx"))} for group, folder in groups.items()
    }
    (FIXTURES / "models.json").write_text(json.dumps(models, separators=(",", ":")) + "\n")
    for group in models.values():
        for name, told in group.items():
            print(name, told["macs"], len(told["shapes"]))


main()
