"""Which weights numpy makes 0, of the smallest and of two of each four.

    python tests/reference/precision/pruning.py

writes tests/reference/fixtures/pruning.json: of each scheme and layer, the places of the zeros. Elements come from the generator of tests/precision/noise.ts; those
of an odd seed are rounded to eighths, so that many are alike: of these the first go. Pins: ../requirements.txt.
"""

import json
from pathlib import Path

import numpy as np

# The axes of the output and of the input channels in the weights of each layer.
LAYERS = [
    {"operator": "Conv", "dims": [8, 8, 3, 3], "axes": (0, 1)},
    {"operator": "Conv", "dims": [6, 12, 1, 1], "axes": (0, 1)},
    {"operator": "Gemm", "dims": [10, 16], "axes": (0, 1)},
    {"operator": "MatMul", "dims": [16, 7], "axes": (1, 0)},
    {"operator": "ConvTranspose", "dims": [8, 5, 2, 2], "axes": (1, None)},
]
PARTS = [0.3, 0.5, 0.77, 0.9]


def noise(count, seed):
    """As noise.ts: a linear congruential generator, each element the sum of three of its numbers."""
    state = (seed * 2654435761 + 1) & 0xFFFFFFFF
    numbers = []
    for _ in range(3 * count):
        state = (state * 1664525 + 1013904223) & 0xFFFFFFFF
        numbers.append(state / 2**32 - 0.5)
    return np.array(numbers).reshape(count, 3).sum(axis=1)


def weights(dims, seed):
    values = noise(int(np.prod(dims)), seed)
    return (np.rint(values * 8) / 8 if seed % 2 else values).astype(np.float32).reshape(dims)


def smallest(values, axis, part):
    """Places of the smallest magnitudes of each channel along an axis."""
    channels = np.moveaxis(np.arange(values.size).reshape(values.shape), axis, 0)
    places = channels.reshape(channels.shape[0], -1)
    order = np.argsort(np.abs(values.ravel()[places]), axis=1, kind="stable")
    return np.take_along_axis(places, order[:, : int(np.floor(part * places.shape[1] + 0.5))], axis=1).ravel()


def two_of_four(values, axis):
    """Places of the two smallest magnitudes of each four along an axis."""
    last = np.moveaxis(np.arange(values.size).reshape(values.shape), axis, -1)
    places = last.reshape(-1, 4)
    order = np.argsort(np.abs(values.ravel()[places]), axis=1, kind="stable")[:, :2]
    return np.take_along_axis(places, order, axis=1).ravel()


def main():
    answers = []
    for layer in LAYERS:
        for seed in [1, 2]:
            values = weights(layer["dims"], seed)
            outputs, inputs = layer["axes"]
            schemes = {f"magnitude:{part}": smallest(values, outputs, part) for part in PARTS}
            if inputs is not None:
                schemes["2:4"] = two_of_four(values, inputs)
            for scheme, made in schemes.items():
                zeros = np.unique(np.concatenate([made, np.flatnonzero(values == 0)])).tolist()
                answers.append({"operator": layer["operator"], "dims": layer["dims"], "seed": seed, "scheme": scheme, "zeros": zeros})
    out = Path(__file__).parent.parent / "fixtures" / "pruning.json"
    out.write_text(json.dumps(answers, indent=None, separators=(",", ":")) + "\n")


main()
