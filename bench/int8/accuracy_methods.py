"""Two methods that foveate does not have, as files for accuracy-methods.mjs to judge. Needs requirements-onnxruntime.txt.

accuracy_methods.py equalise FLOAT OUT --tensors INDEX --pictures LIST
    Scales each channel between two convolutions (nothing, a Relu or a Clip at 0 between them, and no other reader) up in the first and down in the second, so that
    the ranges of the channels, and what the second multiplies them by, become alike: s = sqrt(range / weight), as Nagel and others, 2019. A Clip with an upper end
    bounds s: no channel that was seen below the end reaches it.

accuracy_methods.py round FLOAT FORM OUT --tensors INDEX --pictures LIST
    Weights of the integer layers of a form are rounded one column after the other, the error of each made good by those to come (Frantar and others, "GPTQ", 2022),
    by what their quantised inputs were; then biases are corrected.
"""
import argparse
import collections
import json

import numpy as np
import onnx
import onnxruntime
from onnx import numpy_helper

PICTURES = 8
POSITIONS = 256


def attributes(node):
    return {a.name: onnx.helper.get_attribute_value(a) for a in node.attribute}


def inputs_of(index, names):
    with open(index) as file:
        known = json.load(file)
    size = int(np.prod(known["shape"]))
    data = np.memmap(index.removesuffix(".json") + ".f32", dtype=np.float32, mode="r")
    place = {name: i for i, name in enumerate(known["pictures"])}
    return known["input"], [np.array(data[place[n] * size : (place[n] + 1) * size]).reshape(known["shape"]) for n in names]


def values_of(model, names, inputs):
    """The named values, for each input."""
    tapped = onnx.ModelProto()
    tapped.CopyFrom(model)
    have = {output.name for output in tapped.graph.output}
    for name in names:
        if name not in have:
            tapped.graph.output.append(onnx.helper.make_tensor_value_info(name, onnx.TensorProto.FLOAT, None))
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 2
    options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_DISABLE_ALL
    session = onnxruntime.InferenceSession(tapped.SerializeToString(), options, providers=["CPUExecutionProvider"])
    input_name, tensors = inputs
    for tensor in tensors:
        yield dict(zip(names, session.run(names, {input_name: tensor})))


class Constants:
    def __init__(self, model):
        self.tensors = {tensor.name: tensor for tensor in model.graph.initializer}

    def __contains__(self, name):
        return name in self.tensors

    def __getitem__(self, name):
        return numpy_helper.to_array(self.tensors[name])

    def __setitem__(self, name, array):
        self.tensors[name].CopyFrom(numpy_helper.from_array(np.ascontiguousarray(array), name))


def equalised_pairs(model, constants):
    """(first, what the second reads, second, upper end of the range) of convolutions between which channels can be scaled."""
    readers = collections.defaultdict(list)
    for node in model.graph.node:
        for name in node.input:
            readers[name].append(node)
    outputs = {output.name for output in model.graph.output}
    for first in model.graph.node:
        if first.op_type != "Conv" or len(readers[first.input[1]]) != 1:
            continue
        value, end = first.output[0], np.inf
        while value not in outputs and len(readers[value]) == 1:
            [node] = readers[value]
            if node.op_type == "Conv":
                weights = constants[node.input[1]]
                group = attributes(node).get("group", 1)
                if len(readers[node.input[1]]) == 1 and (group == 1 or weights.shape[1] == 1):
                    yield first, value, node, end
                break
            if node.op_type == "Clip" and node.input[1] and constants[node.input[1]].item() == 0:
                end = min(end, constants[node.input[2]].item() if len(node.input) > 2 and node.input[2] else np.inf)
            elif node.op_type != "Relu":
                break
            value = node.output[0]


def equalise(model, inputs):
    constants = Constants(model)
    pairs = list(equalised_pairs(model, constants))
    values = [value for _, value, _, _ in pairs]
    greatest = {}
    for found in values_of(model, values, inputs):
        for name, array in found.items():
            greatest[name] = np.maximum(greatest.get(name, 0), np.abs(array).max((0, 2, 3)))
    for first, value, second, end in pairs:
        seen, before, after = greatest[value], constants[first.input[1]], constants[second.input[1]]
        depthwise = attributes(second).get("group", 1) > 1
        part = np.maximum(seen / seen.max(), 1e-2)
        if not depthwise:
            weight = np.abs(after).max((0, 2, 3))
            part = np.sqrt(part / np.maximum(weight / weight.max(), 1e-3))
            part = part / part.max()
        if np.isfinite(end):
            part = np.where(seen >= 0.999 * end, 1, np.clip(np.maximum(part, seen / end), None, 1))
        constants[first.input[1]] = (before / part[:, None, None, None]).astype(np.float32)
        if len(first.input) > 2:
            constants[first.input[2]] = (constants[first.input[2]] / part).astype(np.float32)
        scale = part[:, None, None, None] if depthwise else part[None, :, None, None]
        constants[second.input[1]] = (after * scale).astype(np.float32)
    return model


def integer_layers(form, constants):
    makers = {output: node for node in form.graph.node for output in node.output}
    for node in form.graph.node:
        if node.op_type not in ("Conv", "Gemm"):
            continue
        read, weights = makers.get(node.input[0]), makers.get(node.input[1])
        if read is None or weights is None or read.op_type != "DequantizeLinear" or weights.op_type != "DequantizeLinear":
            continue
        bias = node.input[2] if len(node.input) > 2 else ""
        yield {
            "node": node,
            "value": read.input[0].split("/QuantizeLinear")[0],
            "scale": constants[read.input[1]].item(),
            "zero": constants[read.input[2]].item(),
            "signed": constants[read.input[2]].dtype == np.int8,
            "integers": weights.input[0],
            "scales": weights.input[1],
            "bias": makers[bias] if bias in makers else bias,
        }


def quantised(array, layer):
    low, high = (-128, 127) if layer["signed"] else (0, 255)
    steps = np.clip(np.rint(array / np.float32(layer["scale"])) + layer["zero"], low, high) - layer["zero"]
    return steps.astype(np.float32) * np.float32(layer["scale"])


def columns(array, node, random):
    """[groups, positions, inputs of a group and places of the kernel]: what some output elements see."""
    if node.op_type == "Gemm":
        return array[None].astype(np.float64)
    known = attributes(node)
    (kh, kw), group = known["kernel_shape"], known.get("group", 1)
    (sh, sw), (dh, dw) = known.get("strides", [1, 1]), known.get("dilations", [1, 1])
    top, left, bottom, right = known.get("pads", [0, 0, 0, 0])
    padded = np.pad(array[0], ((0, 0), (top, bottom), (left, right)))
    rows, width = (padded.shape[1] - (kh - 1) * dh - 1) // sh + 1, (padded.shape[2] - (kw - 1) * dw - 1) // sw + 1
    count = rows * width
    places = np.arange(count) if count <= POSITIONS else random.choice(count, POSITIONS, replace=False)
    y, x = (places // width) * sh, (places % width) * sw
    seen = np.stack([padded[:, y + i * dh, x + j * dw].T for i in range(kh) for j in range(kw)], -1)
    return seen.reshape(len(places), group, -1).transpose(1, 0, 2).astype(np.float64)


def rounded(weights, gram, scales, low=-127, high=127):
    """Integers for weights of [outputs, inputs], by the mean products of the inputs."""
    order = np.argsort(-np.diag(gram), kind="stable")
    weights, gram = weights[:, order].copy(), gram[np.ix_(order, order)]
    gram = gram + (0.01 * np.mean(np.diag(gram)) + 1e-12) * np.eye(len(gram))
    factor = np.linalg.cholesky(np.linalg.inv(gram)).T
    integers = np.zeros_like(weights)
    for i in range(len(gram)):
        integers[:, i] = np.clip(np.rint(weights[:, i] / scales), low, high)
        error = (weights[:, i] - integers[:, i] * scales) / factor[i, i]
        weights[:, i + 1 :] -= np.outer(error, factor[i, i + 1 :])
    result = np.empty_like(integers)
    result[:, order] = integers
    return result


def round_weights(model, form, inputs):
    constants, floats = Constants(form), Constants(model)
    layers = list(integer_layers(form, constants))
    sums = [{"count": 0, "float": 0, "quantised": 0, "products": 0} for _ in layers]
    for found in values_of(model, sorted({layer["value"] for layer in layers}), inputs):
        for place, (layer, total) in enumerate(zip(layers, sums)):
            value = found[layer["value"]]
            as_is = columns(value, layer["node"], np.random.default_rng(place))
            read = columns(quantised(value, layer), layer["node"], np.random.default_rng(place))
            total["count"] += as_is.shape[1]
            total["float"] += as_is.sum(1)
            total["quantised"] += read.sum(1)
            total["products"] += read.transpose(0, 2, 1) @ read
    for layer, total in zip(layers, sums):
        weights = floats[layer["integers"].removesuffix("/int8")].astype(np.float64)
        outputs, groups = len(weights), len(total["products"])
        weights, scales = weights.reshape(outputs, -1), constants[layer["scales"]].astype(np.float64)
        integers, shift = np.zeros_like(weights), np.zeros(outputs)
        for group in range(groups):
            rows = slice(group * outputs // groups, (group + 1) * outputs // groups)
            as_is, read = total["float"][group] / total["count"], total["quantised"][group] / total["count"]
            gram = total["products"][group] / total["count"] - np.outer(read, read)
            integers[rows] = rounded(weights[rows], gram, scales[rows])
            shift[rows] = weights[rows] @ as_is - (integers[rows] * scales[rows, None]) @ read
        constants[layer["integers"]] = integers.astype(np.int8).reshape(constants[layer["integers"]].shape)
        bias = layer["bias"]
        if isinstance(bias, str):
            if bias:
                constants[bias] = (constants[bias] + shift).astype(np.float32)
        else:
            steps = np.rint(shift / constants[bias.input[1]].astype(np.float64))
            constants[bias.input[0]] = (constants[bias.input[0]] + steps).astype(np.int32)
    return form


parser = argparse.ArgumentParser()
parser.add_argument("method", choices=["equalise", "round"])
parser.add_argument("files", nargs="+")
parser.add_argument("--tensors", required=True)
parser.add_argument("--pictures", required=True)
given = parser.parse_args()
with open(given.pictures) as file:
    names = file.read().split()
*files, out = given.files
models = [onnx.load(file) for file in files]
if given.method == "equalise":
    onnx.save(equalise(models[0], inputs_of(given.tensors, names[:24])), out)
else:
    onnx.save(round_weights(models[0], models[1], inputs_of(given.tensors, names[:PICTURES])), out)
