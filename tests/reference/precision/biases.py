"""What biases have to be for layers to keep the means of their output channels in eight bits, found by running both layers.

    python tests/reference/precision/biases.py

writes tests/reference/fixtures/biases.json: of each layer its weights in float and in eight bits, the means of the input channels in float and quantised, and the
biases by which the integer layer makes outputs of the means that the float layer makes. Rows and columns wrap around at the edges, so that each place of the
kernel sees the whole input: then that is exact. Pins: ../requirements.txt.
"""

import json
from pathlib import Path

import numpy as np

SIZE = 8


def convolve(x, weights, group):
    """Of [channels, SIZE, SIZE], with wrapped edges."""
    outputs, inputs, height, width = weights.shape
    made = np.zeros((outputs, SIZE, SIZE))
    for output in range(outputs):
        first = output // (outputs // group) * inputs
        for channel in range(inputs):
            for i in range(height):
                for j in range(width):
                    seen = np.roll(x[first + channel], (-i, -j), (0, 1))
                    made[output] += weights[output, channel, i, j] * seen
    return made


def rounded(x, scale, zero, low, high):
    return (np.clip(np.rint(x / scale) + zero, low, high) - zero) * scale


def case(name, random, dims, axis, group, signed, biased):
    weights = random.normal(size=dims).astype(np.float32)
    outputs = dims[axis]
    others = tuple(i for i in range(len(dims)) if i != axis)
    scales = (np.abs(weights).max(others) / 127).astype(np.float32)
    along = [-1 if i == axis else 1 for i in range(len(dims))]
    integers = np.clip(np.rint(weights / scales.reshape(along)), -127, 127)
    channels = dims[1 - axis] * group
    bias = random.normal(size=outputs).astype(np.float32) if biased else np.zeros(outputs, np.float32)
    # Skewed, and clipped by the range: both shift means.
    x = random.exponential(size=(channels, SIZE, SIZE)) * random.uniform(0.05, 2, (channels, 1, 1)) - (0.3 if signed else 0)
    scale, zero = (0.05, 0) if signed else (0.02, 0)
    q = rounded(x, scale, zero, *((-128, 127) if signed else (0, 255)))
    dequantised = integers * scales.reshape(along).astype(np.float64)
    if len(dims) == 4:
        wanted, found = convolve(x, weights.astype(np.float64), group), convolve(q, dequantised, group)
    else:
        rows, read = x.reshape(channels, -1), q.reshape(channels, -1)
        matrices = [weights.astype(np.float64), dequantised]
        if axis == 1:
            matrices = [matrix.T for matrix in matrices]
        wanted, found = matrices[0] @ rows, matrices[1] @ read
    shift = wanted.reshape(outputs, -1).mean(1) - found.reshape(outputs, -1).mean(1)
    return {
        "name": name,
        "dims": list(dims),
        "axis": axis,
        "group": group,
        "weights": weights.ravel().tolist(),
        "integers": integers.astype(int).ravel().tolist(),
        "scales": scales.tolist(),
        "bias": bias.tolist() if biased else None,
        "float": x.mean((1, 2)).tolist(),
        "quantized": q.mean((1, 2)).tolist(),
        "corrected": (bias + shift).tolist(),
    }


random = np.random.default_rng(20)
cases = [
    case("convolution", random, (6, 4, 3, 3), 0, 1, False, True),
    case("convolution of groups, without a bias", random, (6, 4, 3, 1), 0, 2, True, False),
    case("depthwise convolution", random, (8, 1, 3, 3), 0, 8, False, True),
    case("Gemm of [outputs, inputs]", random, (5, 12), 0, 1, True, True),
    case("Gemm of [inputs, outputs]", random, (12, 5), 1, 1, False, True),
]
path = Path(__file__).parent.parent / "fixtures" / "biases.json"
path.write_text(json.dumps(cases) + "\n")
