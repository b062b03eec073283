"""Writes the ONNX fixtures of tests/graph/fixtures and expected.json: what the onnx package reads from them and from other models.

    python onnx_reader.py [SHARED_MODELS_FOLDER]

Needs onnx (written with 1.23.2) and numpy. The same onnx package writes the same bytes. The folder of larger models defaults to
../shared/models beside the repository; models that are missing are left out, and said so.
"""

import collections
import hashlib
import json
import pathlib
import sys

import numpy as np
import onnx
from onnx import AttributeProto, TensorProto, helper, numpy_helper

ROOT = pathlib.Path(__file__).resolve().parents[2]
FIXTURES = ROOT / "tests" / "graph" / "fixtures"

# Names as foveate spells them; see lib/graph/element-type.ts.
DTYPES = {
    TensorProto.FLOAT: "float32",
    TensorProto.FLOAT16: "float16",
    TensorProto.BFLOAT16: "bfloat16",
    TensorProto.DOUBLE: "float64",
    TensorProto.UINT8: "uint8",
    TensorProto.INT8: "int8",
    TensorProto.UINT16: "uint16",
    TensorProto.INT16: "int16",
    TensorProto.UINT32: "uint32",
    TensorProto.INT32: "int32",
    TensorProto.UINT64: "uint64",
    TensorProto.INT64: "int64",
    TensorProto.BOOL: "bool",
    TensorProto.STRING: "string",
    TensorProto.COMPLEX64: "complex64",
    TensorProto.COMPLEX128: "complex128",
    TensorProto.FLOAT8E4M3FN: "float8e4m3fn",
    TensorProto.FLOAT8E4M3FNUZ: "float8e4m3fnuz",
    TensorProto.FLOAT8E5M2: "float8e5m2",
    TensorProto.FLOAT8E5M2FNUZ: "float8e5m2fnuz",
    TensorProto.FLOAT8E8M0: "float8e8m0",
    TensorProto.FLOAT4E2M1: "float4e2m1",
    TensorProto.UINT4: "uint4",
    TensorProto.INT4: "int4",
    TensorProto.UINT2: "uint2",
    TensorProto.INT2: "int2",
}
PACKED = {TensorProto.UINT4, TensorProto.INT4, TensorProto.FLOAT4E2M1, TensorProto.UINT2, TensorProto.INT2}
# bfloat16 and the narrow floats are no types of numpy: no sums are compared for them.
SUMMED = [t for t, name in DTYPES.items() if t < 14 and t != TensorProto.STRING]


def float_value(name, shape, dtype=TensorProto.FLOAT):
    return helper.make_tensor_value_info(name, dtype, shape)


def model_of(graph, opset=17, ir_version=8, **more):
    more.setdefault("opset_imports", [helper.make_opsetid("", opset)])
    model = helper.make_model(graph, producer_name="foveate-tests", producer_version="1", **more)
    model.ir_version = ir_version
    return model


def values_of(dtype, count):
    """Values that use the sign and most of the range of a type."""
    if dtype == TensorProto.BOOL:
        return [i % 2 for i in range(count)]
    if dtype in (TensorProto.COMPLEX64, TensorProto.COMPLEX128):
        return [complex(i + 0.5, -i) for i in range(count)]
    if dtype in (TensorProto.UINT64, TensorProto.INT64):
        return [2**62 + i for i in range(count)]
    if dtype in (TensorProto.UINT32, TensorProto.INT32):
        return [2**30 * (i % 2) + i for i in range(count)]
    if dtype == TensorProto.INT8:
        return [-i * 9 for i in range(count)]
    if dtype == TensorProto.UINT8:
        return [i * 40 for i in range(count)]
    if dtype in (TensorProto.INT16, TensorProto.UINT16):
        return [i * 6000 * (-1 if dtype == TensorProto.INT16 else 1) for i in range(count)]
    if dtype in (TensorProto.INT4, TensorProto.UINT4, TensorProto.INT2, TensorProto.UINT2):
        return [i % 2 for i in range(count)]
    return [(-1) ** i * i / 2 for i in range(count)]


def tensor_types():
    """Every element type, once in its typed list and once raw; five elements, so that packed types end within a byte."""
    tensors = []
    for dtype, name in DTYPES.items():
        if dtype == TensorProto.STRING:
            tensors.append(helper.make_tensor("list_string", dtype, [2], ["grün", "b"]))
            continue
        listed = helper.make_tensor(f"list_{name}", dtype, [5], values_of(dtype, 5))
        tensors.append(listed)
        raw = TensorProto(name=f"raw_{name}", data_type=dtype, dims=[5], raw_data=elements(listed))
        tensors.append(raw)
    tensors.append(helper.make_tensor("scalar", TensorProto.FLOAT, [], [3.25]))
    tensors.append(helper.make_tensor("none", TensorProto.FLOAT, [0, 3], []))
    tensors.append(TensorProto(name="none_raw", data_type=TensorProto.INT64, dims=[0], raw_data=b""))
    graph = helper.make_graph([], "types", [float_value("x", [1])], [float_value("x", [1])], tensors)
    return model_of(graph, ir_version=13)


def inputs_with_initializers():
    """IR version 3: initializers are listed among the inputs."""
    weight = helper.make_tensor("w", TensorProto.FLOAT, [2], [1.0, 2.0])
    sparse = helper.make_sparse_tensor(
        helper.make_tensor("s", TensorProto.FLOAT, [1], [5.0]), helper.make_tensor("s_at", TensorProto.INT64, [1], [1]), [2]
    )
    nodes = [helper.make_node("Add", ["x", "w"], ["t"], name="first"), helper.make_node("Add", ["t", "s"], ["y"])]
    inputs = [float_value(name, [2]) for name in ("w", "x", "s")]
    graph = helper.make_graph(nodes, "ir3", inputs, [float_value("y", [2])], [weight], sparse_initializer=[sparse])
    return model_of(graph, opset=8, ir_version=3)


def branch(name, value):
    constant = helper.make_node("Constant", [], [name], value=helper.make_tensor("v", TensorProto.FLOAT, [2], value))
    return helper.make_graph([constant], name, [], [float_value(name, [2])])


def everything():
    """Kinds of values, attributes, subgraphs, functions, annotations, training, and a device configuration, which the schema leaves out."""
    attributes = {
        "f": 0.5,
        "i": -3,
        "huge": 2**63 - 1,
        "s": "text",
        "floats": [0.25, -1.5],
        "ints": [1, -(2**60)],
        "strings": ["a", "b"],
        "t": helper.make_tensor("inner", TensorProto.INT64, [2], [7, 8]),
    }
    odd = helper.make_node("Odd", ["x", "", "n"], ["o"], name="odd", domain="test.foveate", **attributes)
    odd.attribute.append(helper.make_attribute("none", [], attr_type=AttributeProto.INTS))
    odd.attribute.append(AttributeProto(name="bytes", type=AttributeProto.STRING, s=b"\xff\x00"))
    odd.attribute.append(AttributeProto(name="implied", i=4))
    odd.attribute.append(AttributeProto(name="tensors", type=AttributeProto.TENSORS, tensors=[attributes["t"]]))
    odd.attribute.append(AttributeProto(name="tp", type=AttributeProto.TYPE_PROTO, tp=helper.make_tensor_type_proto(1, [2])))
    choice = helper.make_node("If", ["c"], ["y"], then_branch=branch("yes", [1, 2]), else_branch=branch("no", [3, 4]))
    sequence = helper.make_sequence_type_proto(helper.make_tensor_type_proto(TensorProto.FLOAT16, ["n"]))
    inputs = [
        float_value("x", ["batch", 3, None, "", -1]),
        float_value("scalar", []),
        helper.make_tensor_value_info("n", TensorProto.STRING, None),
        helper.make_value_info("seq", sequence),
        helper.make_value_info("opt", helper.make_optional_type_proto(sequence)),
        helper.make_value_info("map", helper.make_map_type_proto(TensorProto.INT64, helper.make_tensor_type_proto(1, [4]))),
        helper.make_sparse_tensor_value_info("sparse", TensorProto.DOUBLE, [2, 2]),
        helper.make_tensor_value_info("c", TensorProto.BOOL, []),
    ]
    graph = helper.make_graph([odd, choice], "everything", inputs, [float_value("y", [2])])
    graph.quantization_annotation.add(tensor_name="x").quant_parameter_tensor_names.add(key="SCALE_TENSOR", value="q")
    function = helper.make_function(
        "test.foveate", "Twice", ["a"], ["b"], [helper.make_node("Add", ["a", "a"], ["b"])], [helper.make_opsetid("", 17)]
    )
    opsets = [helper.make_opsetid("", 17), helper.make_opsetid("test.foveate", 2)]
    model = model_of(graph, ir_version=11, functions=[function], opset_imports=opsets)
    helper.set_model_props(model, {"names": "{0: 'circle', 1: \"it's\"}", "empty": "", "task": "détection"})
    model.training_info.add().algorithm.name = "step"
    model.configuration.add(name="pair", num_devices=2).device.extend(["a", "b"])
    model.graph.node[0].device_configurations.add(configuration_id="pair", pipeline_stage=1)
    return model


def external():
    """Two tensors in one file of a folder beside the model, the second one not at its beginning."""
    data = FIXTURES / "weights" / "external.bin"
    data.parent.mkdir(parents=True, exist_ok=True)
    first = np.arange(6, dtype=np.float32).reshape(2, 3)
    second = np.array([-1, 2**40], dtype=np.int64)
    data.write_bytes(first.tobytes() + b"\0" * 8 + second.tobytes())
    tensors = []
    for name, array, entries in (
        ("first", first, {"offset": 0, "length": 24}),
        ("second", second, {"offset": 32}),
    ):
        tensor = TensorProto(name=name, data_type=helper.np_dtype_to_tensor_dtype(array.dtype), dims=array.shape)
        tensor.data_location = TensorProto.EXTERNAL
        for key, value in {"location": "weights/external.bin", **entries}.items():
            tensor.external_data.add(key=key, value=str(value))
        tensors.append(tensor)
    node = helper.make_node("Add", ["x", "first"], ["y"])
    return model_of(helper.make_graph([node], "external", [float_value("x", [2, 3])], [float_value("y", [2, 3])], tensors))


def elements(tensor):
    """Elements of a tensor as little-endian bytes, packed where the type is narrower than a byte."""
    if tensor.HasField("raw_data"):
        return tensor.raw_data
    if tensor.data_type in PACKED:
        return bytes(tensor.int32_data)
    return numpy_helper.to_array(tensor).tobytes()


def describe_value(value):
    kind = value.type.WhichOneof("value")
    if kind != "tensor_type":
        return {"name": value.name, "kind": kind}
    tensor = value.type.tensor_type
    shape = None
    if tensor.HasField("shape"):
        shape = []
        for dim in tensor.shape.dim:
            number = dim.dim_value if dim.HasField("dim_value") and dim.dim_value >= 0 else None
            shape.append(dim.dim_param or number)
    return {"name": value.name, "kind": "tensor", "dtype": DTYPES[tensor.elem_type], "shape": shape}


def describe_tensor(tensor):
    described = {"name": tensor.name, "dtype": DTYPES[tensor.data_type], "dims": list(tensor.dims)}
    if tensor.data_type == TensorProto.STRING:
        return {**described, "strings": [value.decode() for value in tensor.string_data]}
    described["sha256"] = hashlib.sha256(elements(tensor)).hexdigest()
    if tensor.data_type in SUMMED:
        # Integers beyond 2^53 are compared as text.
        array = numpy_helper.to_array(tensor)
        whole = array.dtype.kind in "iub"
        described["sum"] = str(sum(int(v) for v in array.flat)) if whole else float(array.astype(np.float64).sum())
    return described


def describe(path):
    model = onnx.load(path)
    graph = model.graph
    constants = {tensor.name for tensor in graph.initializer} | {tensor.values.name for tensor in graph.sparse_initializer}
    tensors = [describe_tensor(tensor) for tensor in graph.initializer]
    lines = "".join(f"{t['name']}|{t['dtype']}|{','.join(map(str, t['dims']))}|{t.get('sha256', '')}\n" for t in tensors)
    return {
        "irVersion": model.ir_version,
        "opsets": {entry.domain: entry.version for entry in model.opset_import},
        "producer": f"{model.producer_name} {model.producer_version}".strip(),
        "metadata": {entry.key: entry.value for entry in model.metadata_props},
        "inputs": [describe_value(value) for value in graph.input if value.name not in constants],
        "outputs": [describe_value(value) for value in graph.output],
        "operators": dict(sorted(collections.Counter(node.op_type for node in graph.node).items())),
        "initializers": {
            "count": len(tensors),
            "digest": hashlib.sha256(lines.encode()).hexdigest(),
            # All of a fixture; of a large model the first few, the digest stands for the rest.
            "listed": tensors if FIXTURES in path.parents else tensors[:4],
        },
        # True where the onnx package, writing what it read, gives the bytes of the file.
        "canonical": onnx.load(path, load_external_data=False).SerializeToString() == path.read_bytes(),
    }


def main():
    shared = pathlib.Path(sys.argv[1]) if len(sys.argv) > 1 else ROOT.parent / "shared" / "models"
    FIXTURES.mkdir(parents=True, exist_ok=True)
    for make in (tensor_types, inputs_with_initializers, everything, external):
        (FIXTURES / f"{make.__name__}.onnx").write_bytes(make().SerializeToString(deterministic=True))
    expected = {}
    groups = {"fixtures": FIXTURES, "shared": shared}
    for group, folder in groups.items():
        paths = sorted(folder.glob("*.onnx"))
        if not paths:
            print(f"no models in {folder}: left out", file=sys.stderr)
        expected[group] = {path.name: describe(path) for path in paths}
    (FIXTURES / "expected.json").write_text(json.dumps(expected, indent=1, ensure_ascii=False) + "\n")


main()
