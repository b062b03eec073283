"""NVIDIA ModelOpt's quantizer for ONNX, INT8, everything else float32, calibrated on the CPU. Prints a line of JSON."""

import os
import sys
import tempfile

import modelopt
import numpy as np
import onnx

import peer

# What it tells goes to standard output; that is for the answer.
answer = os.dup(1)
os.dup2(2, 1)

from modelopt.onnx.quantization import quantize  # noqa: E402


def main():
    options = peer.arguments(["max", "entropy"])
    tensors = peer.Tensors(options.tensors, options.pictures)
    watch = peer.Stopwatch()
    with tempfile.TemporaryDirectory() as folder:
        source = os.path.join(folder, "source.onnx")
        onnx.save(peer.load(options.model), source)
        quantize(
            onnx_path=source,
            quantize_mode="int8",
            calibration_data={tensors.input: np.concatenate([tensors[i] for i in range(len(tensors))])},
            calibration_method=options.method,
            calibration_eps=["cpu"],
            high_precision_dtype="fp32",
            output_path=options.out,
            log_level="WARNING",
        )
    sys.stdout.flush()
    os.dup2(answer, 1)
    watch.tell(version=f"modelopt {modelopt.__version__}", pictures=len(tensors))


main()
