"""What the scripts of both Python tools share: their inputs, the model as they can take it, and what they tell of a run."""

import argparse
import json
import resource
import time

import numpy as np
import onnx
from onnx import version_converter


def arguments(methods):
    parser = argparse.ArgumentParser()
    parser.add_argument("--model", required=True)
    parser.add_argument("--tensors", required=True, help="JSON of tensors.mjs; the numbers lie beside it as .f32")
    parser.add_argument("--pictures", required=True, help="a list of names, one a line: those to calibrate on")
    parser.add_argument("--method", required=True, choices=methods)
    parser.add_argument("--variant", default="")
    parser.add_argument("--out", required=True)
    parser.add_argument("--stride", type=int, default=0, help="so many pictures are held at once, where the tool can; 0: all")
    return parser.parse_args()


class Tensors:
    """The inputs of the pictures to calibrate on, each read when it is asked for."""

    def __init__(self, index, pictures):
        with open(index) as file:
            told = json.load(file)
        self.input, self.shape = told["input"], told["shape"]
        self._numbers = index[: -len(".json")] + ".f32"
        with open(pictures) as file:
            wanted = file.read().splitlines()
        places = {path: place for place, path in enumerate(told["pictures"])}
        self._places = [places[path] for path in wanted]

    def __len__(self):
        return len(self._places)

    def __getitem__(self, i):
        count = int(np.prod(self.shape))
        values = np.fromfile(self._numbers, np.float32, count, offset=self._places[i] * count * 4)
        return values.reshape(self.shape)


def load(path, opset=None):
    """The model without weights among its inputs, which neither tool takes, and of `opset` at least, which per-channel scales need."""
    model = onnx.load(path)
    weights = {tensor.name for tensor in model.graph.initializer}
    for value in [value for value in model.graph.input if value.name in weights]:
        model.graph.input.remove(value)
    model.ir_version = max(model.ir_version, 8)
    version = next(entry.version for entry in model.opset_import if entry.domain in ("", "ai.onnx"))
    if opset is not None and version < 13:
        model = version_converter.convert_version(model, opset)
    return model


class Stopwatch:
    """Seconds since it was made, by the clock and of the processor, and the most memory that the process has had at once."""

    def __init__(self):
        self._started, self._processor = time.perf_counter(), time.process_time()

    def tell(self, **facts):
        seconds = time.perf_counter() - self._started
        processor = time.process_time() - self._processor
        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
        print(json.dumps({"seconds": seconds, "processorSeconds": processor, "peakMb": peak, **facts}))
