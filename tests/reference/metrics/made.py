"""What the scripts of metrics share: numbers from a generator that tests/metrics/made.ts has too, so that only answers are kept, and the writer."""

import gzip
import json
import math
import pathlib

import numpy as np

FIXTURES = pathlib.Path(__file__).resolve().parent.parent / "fixtures" / "metrics"


class Numbers:
    """A linear congruential generator. Each number uses the whole state: the low bits alone would repeat soon."""

    def __init__(self, seed):
        self.state = seed

    def fraction(self):
        self.state = (self.state * 1664525 + 1013904223) % 2**32
        return self.state / 2**32

    def below(self, limit):
        return math.floor(self.fraction() * limit)


def plain(value):
    """JSON knows no NaN and no infinity."""
    if isinstance(value, dict):
        return {key: plain(item) for key, item in value.items()}
    if isinstance(value, (list, tuple, np.ndarray)):
        return [plain(item) for item in value]
    if isinstance(value, np.generic):
        value = value.item()
    if isinstance(value, float):
        if math.isnan(value):
            return None
        if math.isinf(value):
            return "Infinity" if value > 0 else "-Infinity"
    return value


def write(name, content):
    """Deterministic: the same packages write the same bytes."""
    FIXTURES.mkdir(parents=True, exist_ok=True)
    text = json.dumps(plain(content), separators=(",", ":"), allow_nan=False)
    (FIXTURES / f"{name}.json.gz").write_bytes(gzip.compress(text.encode(), 9, mtime=0))
