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

with contextlib.redirect_stdout(io.StringIO()):
    start = time.perf_counter()
    truth = COCO(truth_path)
    found = truth.loadRes(results_path)
    loaded = time.perf_counter()
    evaluation = COCOeval(truth, found, "bbox")
    evaluation.evaluate()
    evaluation.accumulate()
    evaluation.summarize()
    done = time.perf_counter()
peak = next(int(line.split()[1]) for line in open("/proc/self/status") if line.startswith("VmHWM"))
stats = [float(value) for value in evaluation.stats[:12]]
print(json.dumps({"load": loaded - start, "evaluate": done - loaded, "peak": peak, "stats": stats}))
