"""ultralytics' predictor on the same ONNX file, two threads: what most people type first. Detection only."""

import json
import sys
import time

# What the packages print is for people: the answers alone go to standard output.
answers, sys.stdout = sys.stdout, sys.stderr

import torch  # noqa: E402
import ultralytics  # noqa: E402

torch.set_num_threads(2)
model = None

for line in sys.stdin:
    message = json.loads(line)
    if message["do"] == "open":
        model = ultralytics.YOLO(message["model"], task="detect")
        answer = {"name": f"ultralytics {ultralytics.__version__}"}
    elif message["do"] == "run":
        latencies, seen = [], 0
        started = time.perf_counter()
        for path in message["pictures"]:
            begun = time.perf_counter()
            seen += len(model.predict(path, imgsz=640, conf=0.25, iou=0.45, verbose=False)[0].boxes)
            latencies.append((time.perf_counter() - begun) * 1e3)
        answer = {"wallMs": (time.perf_counter() - started) * 1e3, "latencies": latencies, "seen": seen}
    else:
        with open("/proc/self/status") as status:
            peak = next(row for row in status if row.startswith("VmHWM"))
        answer = {"mb": int(peak.split()[1]) / 1024}
    print(json.dumps(answer), flush=True, file=answers)
