"""The peer of letterbox.mjs: answers "run" with the median milliseconds of argv[1] letterboxes, "version" with OpenCV's version."""
import json
import statistics
import sys
import time

import cv2
import numpy as np

cv2.setNumThreads(1)
runs = int(sys.argv[1])
width, height = 1920, 1080

values = np.empty(width * height * 3, np.uint8)
seed = 1
for i in range(values.size):
    seed = (seed * 1664525 + 1013904223) & 0xFFFFFFFF
    values[i] = seed >> 24
frame = values.reshape(height, width, 3)


def letterbox():
    """The fastest way with stock OpenCV: resize, border, one call that scales, swaps nothing and goes planar."""
    resized = cv2.resize(frame, (640, 360), interpolation=cv2.INTER_LINEAR)
    padded = cv2.copyMakeBorder(resized, 140, 140, 0, 0, cv2.BORDER_CONSTANT, value=(114, 114, 114))
    return cv2.dnn.blobFromImage(padded, scalefactor=1 / 255)


for line in sys.stdin:
    if line.strip() == "version":
        answer = {"version": cv2.__version__, "threads": cv2.getNumThreads()}
    else:
        times = []
        for _ in range(runs):
            started = time.perf_counter()
            letterbox()
            times.append((time.perf_counter() - started) * 1000)
        answer = {"ms": statistics.median(times)}
    print(json.dumps(answer), flush=True)
