"""The peer of histogram.mjs: numpy.histogram. Answers lines of text with lines of JSON.

    count N KIND   the time, in ms, of counting N values of that kind into 8192 bins
"""

import json
import sys
import time

import numpy as np

made = {}


def values_of(count, kind):
    if (count, kind) not in made:
        x = (np.random.default_rng(1).random((4, count), dtype=np.float32) - 0.5).sum(axis=0)
        made[count, kind] = np.maximum(x, 0) if kind == "rectified" else x
    return made[count, kind]


for line in sys.stdin:
    words = line.split()
    if words[0] == "version":
        answer = {"numpy": np.__version__}
    else:
        x = values_of(int(words[1]), words[2])
        started = time.perf_counter()
        np.histogram(x, 8192, (-2, 2))
        answer = {"ms": (time.perf_counter() - started) * 1e3}
    print(json.dumps(answer), flush=True)
