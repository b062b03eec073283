"""What numpy and scipy make of ranges, weights and differences, by brute force over the elements.

    python tests/reference/precision/ranges.py

writes tests/reference/fixtures/precision.json:
  ranges: of each distribution, activation and form, the mean square error of given ranges, and the least over a dense grid
  percentiles: numpy.percentile of each distribution
  weights: int8 values and scales of a weight per channel
Elements come from the generator of tests/precision/noise.ts. Pins: ../requirements.txt and scipy==1.17.0.
"""

import json
from pathlib import Path

import numpy as np
from scipy.special import erfc, expit

COUNT = 6000


def noise(count, seed):
    """As noise.ts: a linear congruential generator, each element the sum of three of its numbers."""
    state = (seed * 2654435761 + 1) & 0xFFFFFFFF
    numbers = []
    for _ in range(3 * count):
        state = (state * 1664525 + 1013904223) & 0xFFFFFFFF
        numbers.append(state / 2**32 - 0.5)
    return np.array(numbers).reshape(count, 3).sum(axis=1)


def distribution(name):
    x = noise(COUNT, 7)
    if name == "bell":
        return (x * 4).astype(np.float32)
    if name == "tail":  # a long negative one, as before SiLU
        x = x * 5 + 1
        x[::50] *= 12
        return np.where(x > 12, np.float64(3), x).astype(np.float32)
    return np.maximum(x * 6 - 1, 0).astype(np.float32)  # rectified


ACTIVATIONS = {
    "none": lambda x: x,
    "relu": lambda x: np.maximum(x, 0),
    "clip": lambda x: np.clip(x, 0, 6),
    "leaky-relu": lambda x: np.where(x < 0, 0.01 * x, x),
    "elu": lambda x: np.where(x < 0, np.expm1(np.minimum(x, 0)), x),
    "sigmoid": expit,
    "hard-sigmoid": lambda x: np.clip(0.2 * x + 0.5, 0, 1),
    "silu": lambda x: x * expit(x),
    "hard-swish": lambda x: x * np.clip(x / 6 + 0.5, 0, 1),
    "tanh": np.tanh,
    "gelu": lambda x: 0.5 * x * erfc(-x / np.sqrt(2)),
    "mish": lambda x: x * np.tanh(np.log1p(np.exp(-np.abs(x))) + np.maximum(x, 0)),
}


def quantize(x, low, high, symmetric):
    if symmetric:
        scale = np.float64(np.float32(high / 127))
        return np.clip(np.rint(x / scale), -127, 127) * scale
    scale = np.float64(np.float32((high - low) / 255))
    zero = np.clip(np.rint(-low / scale), 0, 255)
    return (np.clip(np.rint(x / scale) + zero, 0, 255) - zero) * scale


def error(x, activation, low, high, symmetric, after):
    f = ACTIVATIONS[activation]
    wanted = f(x)
    found = quantize(wanted, low, high, symmetric) if after else f(quantize(x, low, high, symmetric))
    return float(np.mean((found - wanted) ** 2))


def widest(x, symmetric):
    low, high = min(x.min(), 0), max(x.max(), 0)
    return (-max(-low, high), max(-low, high)) if symmetric else (low, high)


def least(x, activation, symmetric, after):
    y = ACTIVATIONS[activation](x) if after else x
    low, high = min(y.min(), 0), max(y.max(), 0)
    steps = np.concatenate([np.geomspace(0.02, 1, 48), [0]])
    best = None
    for b in np.unique(high * steps if not symmetric else max(-low, high) * steps):
        for a in [-b] if symmetric else np.unique(low * steps):
            if b - a < 1e-6:
                continue
            found = error(x, activation, a, b, symmetric, after)
            if best is None or found < best:
                best = found
    return best


def main():
    ranges = []
    percentiles = []
    for name in ["bell", "tail", "rectified"]:
        x = distribution(name).astype(np.float64)
        for activation in ACTIVATIONS:
            for symmetric in [False, True]:
                for after in [False, True]:
                    if after and activation == "none":
                        continue
                    y = ACTIVATIONS[activation](x)
                    ranges.append(
                        {
                            "distribution": name,
                            "activation": activation,
                            "symmetric": symmetric,
                            "after": after,
                            "least": least(x, activation, symmetric, after),
                            "minMax": error(x, activation, *widest(y if after else x, symmetric), symmetric, after),
                            "signal": float(np.mean(y**2)),
                        }
                    )
        for share in [98, 99]:
            percentiles.append(
                {
                    "distribution": name,
                    "percentile": share,
                    "magnitude": float(np.percentile(np.abs(x), share)),
                    "low": float(min(np.percentile(x, (100 - share) / 2), 0)),
                    "high": float(np.percentile(x, 100 - (100 - share) / 2)),
                }
            )
    weights = (noise(4 * 3 * 9, 11)).astype(np.float32).reshape(4, 3, 9)
    weights[2] = 0
    weights[2, 1, 4] = 2.5
    by_axis = []
    for axis in range(3):
        greatest = np.abs(weights).max(axis=tuple(i for i in range(3) if i != axis), keepdims=True)
        scales = (greatest / np.float32(127)).astype(np.float32)
        values = np.clip(np.rint(weights / scales), -127, 127).astype(np.int8)
        by_axis.append({"axis": axis, "scales": scales.ravel().tolist(), "values": values.ravel().tolist()})
    reference = noise(2 * 5 * 30, 3).astype(np.float32).reshape(2, 5, 30).astype(np.float64)
    candidate = (noise(2 * 5 * 30, 4).astype(np.float32)).reshape(2, 5, 30).astype(np.float64)
    difference = []
    for begin, end in [(0, 2), (2, 5)]:
        a, b = reference[:, begin:end], candidate[:, begin:end]
        difference.append(
            {
                "count": int(a.size),
                "signal": float(np.sum(a * a)),
                "candidateSignal": float(np.sum(b * b)),
                "noise": float(np.sum((a - b) ** 2)),
                "dot": float(np.sum(a * b)),
                "largest": float(np.max(np.abs(a - b))),
            }
        )
    out = Path(__file__).parent.parent / "fixtures" / "precision.json"
    answers = {"ranges": ranges, "percentiles": percentiles, "weights": by_axis, "difference": difference}
    out.write_text(json.dumps(answers, indent=None, separators=(",", ":")) + "\n")


main()
