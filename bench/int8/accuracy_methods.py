"""A method that foveate does not have, as a file for accuracy-methods.mjs to judge. Needs requirements-onnxruntime.txt.

accuracy_methods.py FLOAT OUT --tensors INDEX --pictures LIST
    Scales each channel between two convolutions (nothing, a Relu or a Clip at 0 between them, and no other reader) up in the first and down in the second, so that
    the ranges of the channels, and what the second multiplies them by, become alike: s = sqrt(range / weight), as Nagel and others, 2019. A Clip with an upper end
    bounds s: no channel that was seen below the end reaches it.
"""
import argparse
import collections
import json

import numpy as np
import onnx
import onnxruntime
from onnx import numpy_helper

PICTURES = 24


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


parser = argparse.ArgumentParser()
parser.add_argument("float")
parser.add_argument("out")
parser.add_argument("--tensors", required=True)
parser.add_argument("--pictures", required=True)
given = parser.parse_args()
with open(given.pictures) as file:
    names = file.read().split()
onnx.save(equalise(onnx.load(given.float), inputs_of(given.tensors, names[:PICTURES])), given.out)
