"""One evaluation by pycocotools or faster-coco-eval, in a process of its own: coco_peer.py NAME TRUTH RESULTS. Prints a line of JSON."""

import contextlib
import io
import json
import logging
import sys
import time

name, truth_path, results_path = sys.argv[1:]
logging.disable()
if name == "pycocotools":
    from pycocotools.coco import COCO
    from pycocotools.cocoeval import COCOeval
else:
    from faster_coco_eval import COCO, COCOeval_faster as COCOeval


def now():
    """Wall time and processor time."""
    return time.perf_counter(), time.process_time()


def between(start, end):
    return {"wall": end[0] - start[0], "processor": end[1] - start[1]}


with contextlib.redirect_stdout(io.StringIO()):
    start = now()
    truth = COCO(truth_path)
    found = truth.loadRes(results_path)
    loaded = now()
    evaluation = COCOeval(truth, found, "bbox")
    evaluation.evaluate()
    evaluation.accumulate()
    evaluation.summarize()
    done = now()
peak = next(int(line.split()[1]) for line in open("/proc/self/status") if line.startswith("VmHWM"))
stats = [float(value) for value in evaluation.stats[:12]]
print(json.dumps({"load": between(start, loaded), "evaluate": between(loaded, done), "peak": peak, "stats": stats}))
