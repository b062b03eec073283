"""onnxruntime with OpenCV and numpy, two threads, one picture after the other: what a Python sidecar does."""

import json
import sys
import time

import cv2
import numpy as np
import onnxruntime

cv2.setNumThreads(2)
MEAN = np.array([0.485, 0.456, 0.406], np.float32)
STD = np.array([0.229, 0.224, 0.225], np.float32)
session = None


def letterboxed(path):
    image = cv2.imread(path)
    height, width = image.shape[:2]
    gain = min(640 / width, 640 / height)
    size = round(width * gain), round(height * gain)
    left, top = round((640 - size[0]) / 2 - 0.1), round((640 - size[1]) / 2 - 0.1)
    resized = cv2.resize(image, size, interpolation=cv2.INTER_LINEAR)
    padded = cv2.copyMakeBorder(
        resized, top, 640 - size[1] - top, left, 640 - size[0] - left, cv2.BORDER_CONSTANT, value=(114, 114, 114)
    )
    return cv2.dnn.blobFromImage(padded, 1 / 255, swapRB=True)


def cropped(path):
    image = cv2.imread(path)
    height, width = image.shape[:2]
    edge = min(height, width)
    resized = cv2.resize(image, (width * 256 // edge, height * 256 // edge), interpolation=cv2.INTER_LINEAR)
    top, left = (resized.shape[0] - 224) // 2, (resized.shape[1] - 224) // 2
    crop = resized[top : top + 224, left : left + 224, ::-1].astype(np.float32)
    return np.ascontiguousarray(((crop / 255 - MEAN) / STD).transpose(2, 0, 1)[None])


def detections(output):
    rows = output[0].T
    best = rows[:, 4:].max(1)
    passed = best > 0.25
    rows, best = rows[passed], best[passed]
    classes = rows[:, 4:].argmax(1)
    boxes = np.concatenate([rows[:, :2] - rows[:, 2:4] / 2, rows[:, 2:4]], 1)
    return len(cv2.dnn.NMSBoxesBatched(boxes, best, classes, 0.25, 0.45)) if len(boxes) else 0


def top_five(logits):
    powers = np.exp(logits[0] - logits[0].max())
    return np.argsort(-powers / powers.sum())[:5]


def one(path, kind):
    tensor = letterboxed(path) if kind == "detect" else cropped(path)
    output = session.run(None, {session.get_inputs()[0].name: tensor})[0]
    return detections(output) if kind == "detect" else int(len(top_five(output)) > 0)


for line in sys.stdin:
    message = json.loads(line)
    if message["do"] == "open":
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = 2
        options.log_severity_level = 3
        session = onnxruntime.InferenceSession(message["model"], options, providers=["CPUExecutionProvider"])
        answer = {"name": f"Python onnxruntime {onnxruntime.__version__} + OpenCV {cv2.__version__}"}
    elif message["do"] == "run":
        latencies, seen = [], 0
        started = time.perf_counter()
        for path in message["pictures"]:
            begun = time.perf_counter()
            seen += one(path, message["kind"])
            latencies.append((time.perf_counter() - begun) * 1e3)
        answer = {"wallMs": (time.perf_counter() - started) * 1e3, "latencies": latencies, "seen": seen}
    else:
        with open("/proc/self/status") as status:
            peak = next(row for row in status if row.startswith("VmHWM"))
        answer = {"mb": int(peak.split()[1]) / 1024}
    print(json.dumps(answer), flush=True)
