"""The peers of tracking.mjs: py-motmetrics or TrackEval, named by the argument. Answers lines of text with lines of JSON.

    version                the packages' versions
    load FRAMES GT FOUND   reads both files
    arrays WORK            ms from arrays in memory to the numbers: "clear" for MOTA and IDF1, "all" for HOTA besides
    files WORK             ms from files to the numbers
    peak                   the most memory that the process has had
"""

import contextlib
import io
import json
import os
import pathlib
import resource
import sys
import tempfile
import time
from importlib.metadata import version

import numpy as np


def frames_of(rows, count):
    """ids and boxes, frame by frame."""
    order = np.argsort(rows[:, 0], kind="stable")
    rows = rows[order]
    ends = np.searchsorted(rows[:, 0], np.arange(1, count + 2))
    parts = [rows[begin:end] for begin, end in zip(ends[:-1], ends[1:])]
    return [part[:, 1].astype(int) for part in parts], [np.ascontiguousarray(part[:, 2:6]) for part in parts]


class Motmetrics:
    def __init__(self):
        import motmetrics

        self.package = motmetrics
        self.packages = ["motmetrics", "lap", "pandas", "numpy"]

    def summary(self, accumulator):
        table = self.package.metrics.create().compute(accumulator, metrics=["mota", "idf1"])
        return {"mota": float(table["mota"].iloc[0]), "idf1": float(table["idf1"].iloc[0])}

    def arrays(self, work, truth, found):
        accumulator = self.package.MOTAccumulator()
        for t, (ids, boxes, found_ids, found_boxes) in enumerate(zip(*truth, *found)):
            accumulator.update(ids, found_ids, self.package.distances.iou_matrix(boxes, found_boxes, max_iou=0.5), frameid=t)
        return self.summary(accumulator)

    def files(self, work, frames, truth, found):
        rows = [self.package.io.loadtxt(path, fmt="mot15-2D") for path in (truth, found)]
        return self.summary(self.package.utils.compare_to_groundtruth(*rows, "iou", distth=0.5))


class TrackEval:
    def __init__(self):
        import trackeval

        self.package = trackeval
        self.packages = ["trackeval", "numpy"]

    def summary(self, work, data):
        config = {"PRINT_CONFIG": False}
        metrics = self.package.metrics
        answer = {
            "mota": float(metrics.CLEAR(config).eval_sequence(data)["MOTA"]),
            "idf1": float(metrics.Identity(config).eval_sequence(data)["IDF1"]),
        }
        if work == "all":
            answer["hota"] = float(np.mean(metrics.HOTA().eval_sequence(data)["HOTA"]))
        return answer

    def arrays(self, work, truth, found):
        boxes_iou = self.package.datasets._base_dataset._BaseDataset._calculate_box_ious
        data = {"num_timesteps": len(truth[0]), "similarity_scores": [boxes_iou(a, b) for a, b in zip(truth[1], found[1])]}
        for side, (ids, _) in (("gt", truth), ("tracker", found)):
            together = np.concatenate(ids)
            unique = np.unique(together)
            data[f"{side}_ids"] = [np.searchsorted(unique, part) for part in ids]
            data[f"num_{side}_ids"], data[f"num_{side}_dets"] = len(unique), len(together)
        return self.summary(work, data)

    def files(self, work, frames, truth, found):
        with tempfile.TemporaryDirectory() as folder:
            root = pathlib.Path(folder)
            for path, source in (("gt/one/gt/gt.txt", truth), ("trackers/it/data/one.txt", found)):
                (root / path).parent.mkdir(parents=True)
                os.symlink(source, root / path)
            folders = {"GT_FOLDER": str(root / "gt"), "TRACKERS_FOLDER": str(root / "trackers"), "SKIP_SPLIT_FOL": True}
            options = {"SEQ_INFO": {"one": frames}, "DO_PREPROC": False, "PRINT_CONFIG": False}
            dataset = self.package.datasets.MotChallenge2DBox({**folders, **options})
            return self.summary(work, dataset.get_preprocessed_seq_data(dataset.get_raw_seq_data("it", "one"), "pedestrian"))


peer = {"motmetrics": Motmetrics, "trackeval": TrackEval}[sys.argv[1]]()
frames, paths, loaded = 0, [], []
for line in sys.stdin:
    command, *words = line.split()
    if command == "version":
        answer = {package: version(package) for package in peer.packages}
    elif command == "load":
        frames, paths = int(words[0]), words[1:]
        loaded = [frames_of(np.loadtxt(path, delimiter=",", usecols=range(6)), frames) for path in paths]
        answer = {}
    elif command == "peak":
        answer = {"megabytes": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024}
    else:
        with contextlib.redirect_stdout(io.StringIO()):
            started, processor = time.perf_counter(), time.process_time()
            answer = peer.arrays(words[0], *loaded) if command == "arrays" else peer.files(words[0], frames, *paths)
            answer["ms"] = (time.perf_counter() - started) * 1e3
            answer["processorMs"] = (time.process_time() - processor) * 1e3
    print(json.dumps(answer), flush=True)
