"""
onnxruntime's static quantizer, Q/DQ format, weights per channel, after its own preprocessing of the model. Variants: 'head' leaves what follows the last
convolution of each branch in float, and that convolution, without which yolov8n finds nothing; 'tensorrt' is symmetric, convolutions and matrix
products alone, with float biases: the only form that TensorRT takes. Prints a line of JSON.
"""

import os
import tempfile

import onnx
import onnxruntime
from onnxruntime.quantization import CalibrationDataReader, CalibrationMethod, QuantFormat, QuantType, quantize_static
from onnxruntime.quantization.shape_inference import quant_pre_process

import peer

METHODS = {
    "minmax": CalibrationMethod.MinMax,
    "entropy": CalibrationMethod.Entropy,
    "percentile": CalibrationMethod.Percentile,
}


class Reader(CalibrationDataReader):
    def __init__(self, tensors):
        self._tensors = tensors
        self.set_range(0, len(tensors))

    def __len__(self):
        return len(self._tensors)

    def set_range(self, start_index, end_index):
        self._next, self._end = start_index, end_index

    def get_next(self):
        if self._next >= self._end:
            return None
        self._next += 1
        return {self._tensors.input: self._tensors[self._next - 1]}


def head_nodes(path):
    """Names of the nodes from the outputs back to the last convolution with a weight of more than 32 numbers (that of a DFL has 16), included."""
    model = onnx.load(path)
    for place, node in enumerate(model.graph.node):
        node.name = node.name or f"unnamed_{place}"
    onnx.save(model, path)
    makers = {output: node for node in model.graph.node for output in node.output}
    sizes = {tensor.name: peer.np.prod(tensor.dims) for tensor in model.graph.initializer}
    waiting = [value.name for value in model.graph.output]
    names = set()
    while waiting:
        node = makers.get(waiting.pop())
        if node is None or node.name in names:
            continue
        names.add(node.name)
        weighted = node.op_type in ("Conv", "Gemm", "MatMul") and sizes.get(node.input[1], 0) > 32
        if not weighted:
            waiting.extend(node.input)
    return sorted(names)


def main():
    options = peer.arguments(list(METHODS))
    tensors = peer.Tensors(options.tensors, options.pictures)
    watch = peer.Stopwatch()
    with tempfile.TemporaryDirectory() as folder:
        raised, prepared = os.path.join(folder, "raised.onnx"), os.path.join(folder, "prepared.onnx")
        onnx.save(peer.load(options.model, opset=17), raised)
        quant_pre_process(raised, prepared)
        symmetric = options.variant == "tensorrt"
        extra = {"ActivationSymmetric": symmetric}
        if symmetric:
            extra["QuantizeBias"] = False
        if options.stride:
            extra["CalibStridedMinMax"] = options.stride
        quantize_static(
            prepared,
            options.out,
            Reader(tensors),
            quant_format=QuantFormat.QDQ,
            per_channel=True,
            activation_type=QuantType.QInt8 if symmetric else QuantType.QUInt8,
            weight_type=QuantType.QInt8,
            calibrate_method=METHODS[options.method],
            op_types_to_quantize=["Conv", "MatMul", "Gemm"] if symmetric else None,
            nodes_to_exclude=head_nodes(prepared) if options.variant == "head" else None,
            extra_options=extra,
        )
    watch.tell(version=f"onnxruntime {onnxruntime.__version__}", pictures=len(tensors), stride=options.stride)


main()
