"""The peer of decode.mjs: numpy and cv2.dnn.NMSBoxesBatched over the same raw outputs. Answers lines of text with lines of JSON.

    make N FILE   writes a raw output [84, 8400] that shows N objects, and answers with its path
    run N         the median time, in ms, of RUNS decodings, and how many boxes were kept
"""

import json
import sys
import time

import cv2
import numpy as np

RUNS = int(sys.argv[1])
SCORE, IOU, ANCHORS = 0.25, 0.45, 8400
outputs = {}


def make(objects):
    """Background everywhere, and eight overlapping candidates for each object, of any class."""
    generator = np.random.default_rng(objects)
    output = generator.random((84, ANCHORS), dtype=np.float32) * 0.05
    output[:2] = generator.random((2, ANCHORS)) * 640
    output[2:4] = generator.random((2, ANCHORS)) * 50 + 5
    centers = generator.random((objects, 2)) * 600 + 20
    sizes = generator.random((objects, 2)) * 120 + 20
    for place, anchor in enumerate(generator.choice(ANCHORS, objects * 8, replace=False)):
        which = place % objects
        output[:2, anchor] = centers[which] + generator.normal(0, 3, 2)
        output[2:4, anchor] = sizes[which] * generator.uniform(0.9, 1.1, 2)
        output[4 + which % 80, anchor] = generator.uniform(0.3, 0.95)
    return output


def decode(output):
    rows = output.T
    best = rows[:, 4:].max(1)
    passed = best > SCORE
    rows, best = rows[passed], best[passed]
    classes = rows[:, 4:].argmax(1)
    boxes = np.concatenate([rows[:, :2] - rows[:, 2:4] / 2, rows[:, 2:4]], 1)
    return boxes, best, classes, cv2.dnn.NMSBoxesBatched(boxes, best, classes, SCORE, IOU)


cv2.setNumThreads(1)
for line in sys.stdin:
    words = line.split()
    if words[0] == "version":
        answer = {"numpy": np.__version__, "cv2": cv2.__version__}
    elif words[0] == "make":
        outputs[words[1]] = make(int(words[1]))
        outputs[words[1]].tofile(words[2])
        answer = {"file": words[2]}
    else:
        times = []
        for _ in range(RUNS):
            started = time.perf_counter()
            kept = decode(outputs[words[1]])[3]
            times.append(time.perf_counter() - started)
        answer = {"ms": float(np.median(times)) * 1e3, "kept": len(kept)}
    print(json.dumps(answer), flush=True)
