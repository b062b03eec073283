"""Writes fixtures/metrics/tracking.json.gz: what TrackEval and py-motmetrics make of tracks of many kinds.

    python tracking.py

The packages are pinned in requirements.txt; run again, the same bytes are written. The form of the JSON:

cases: name; benchmark, which TrackEval's preprocessing follows, or null; sequences, each
    generated  parameters of tracks.py, or
    truth, found  rows of frame, id, x, y, width, height, confidence, class
  and for "trackeval" and "motmetrics" the answers: sequences and combined, each
    boxes     truth and found, as counted
    clear     TP, FN, FP, IDSW, Frag, MT, PT, ML
    ratios    MOTA, MOTP, recall, precision, IDF1, IDP, IDR; null where they are NaN, and "-Infinity"
    identity  IDTP, IDFN, IDFP
    hota      (TrackEval) means of HOTA, DetA, AssA, DetRe, DetPr, AssRe, AssPr, LocA
    hotaTp    (TrackEval) HOTA_TP at each threshold
    at        (TrackEval, of some cases) the eight at each threshold
py-motmetrics is given what TrackEval's preprocessing left, and solves with SciPy. It has no HOTA, and its MOTP is a distance.
"""

import contextlib
import gzip
import io
import json
import math
import pathlib
import tempfile

import motmetrics
import numpy as np
import trackeval
from cases import CASES
from tracks import sequence

FIXTURE = pathlib.Path(__file__).resolve().parents[1] / "fixtures" / "metrics" / "tracking.json.gz"
HOTA = ["HOTA", "DetA", "AssA", "DetRe", "DetPr", "AssRe", "AssPr", "LocA"]
RATIOS = ["MOTA", "MOTP", "CLR_Re", "CLR_Pr", "IDF1", "IDP", "IDR"]
CLEAR = ["CLR_TP", "CLR_FN", "CLR_FP", "IDSW", "Frag", "MT", "PT", "ML"]
IDENTITY = ["IDTP", "IDFN", "IDFP"]


def rows_of(one):
    return sequence(one["generated"]) if "generated" in one else (one["truth"], one["found"])


def read(case, sequences, folder):
    """The sequences as TrackEval reads and prepares them from files, by name in its order."""
    lengths = {}
    for i, (truth, found) in enumerate(sequences):
        name = f"s{i}"
        lengths[name] = max([1, *(int(row[0]) for row in truth + found)])
        for path, rows in ((folder / "gt" / name / "gt" / "gt.txt", truth), (folder / "trackers" / "ours" / "data" / f"{name}.txt", found)):
            path.parent.mkdir(parents=True, exist_ok=True)
            # Visibility is written as -1: what is found has none.
            path.write_text("".join(",".join(map(repr, row)) + ",-1\n" for row in rows))
    dataset = trackeval.datasets.MotChallenge2DBox(
        {
            "GT_FOLDER": str(folder / "gt"),
            "TRACKERS_FOLDER": str(folder / "trackers"),
            "SEQ_INFO": lengths,
            "SKIP_SPLIT_FOL": True,
            "PRINT_CONFIG": False,
            "BENCHMARK": case["benchmark"] or "MOT17",
            "DO_PREPROC": case["benchmark"] is not None,
        }
    )
    return {
        name: dataset.get_preprocessed_seq_data(dataset.get_raw_seq_data("ours", name), "pedestrian")
        for name in sorted(dataset.seq_list)
    }


def number(value):
    value = float(value)
    if math.isnan(value):
        return None
    return "-Infinity" if value == -math.inf else value


def trackeval_answer(data, results, detailed):
    clear, identity, hota = results
    answer = {
        "boxes": [clear["CLR_TP"] + clear["CLR_FN"], clear["CLR_TP"] + clear["CLR_FP"]],
        "clear": [clear[field] for field in CLEAR],
        "ratios": [number({**clear, **identity}[field]) for field in RATIOS],
        "identity": [identity[field] for field in IDENTITY],
        "hota": [number(np.mean(hota[field])) for field in HOTA],
        "hotaTp": hota["HOTA_TP"],
    }
    if detailed:
        answer["at"] = [[number(value) for value in hota[field]] for field in HOTA]
    for field in ("boxes", "clear", "identity", "hotaTp"):
        answer[field] = [int(value) for value in answer[field]]
    return answer


def evaluate_trackeval(data, detailed):
    config = {"PRINT_CONFIG": False}
    metrics = [trackeval.metrics.CLEAR(config), trackeval.metrics.Identity(config), trackeval.metrics.HOTA()]
    single = {name: [metric.eval_sequence(one) for metric in metrics] for name, one in data.items()}
    combined = [metric.combine_sequences({name: single[name][m] for name in data}) for m, metric in enumerate(metrics)]
    return {
        "sequences": [trackeval_answer(data[name], single[name], detailed) for name in data],
        "combined": trackeval_answer(None, combined, detailed),
    }


def evaluate_motmetrics(data):
    accumulators = []
    for one in data.values():
        accumulator = motmetrics.MOTAccumulator()
        for t in range(one["num_timesteps"]):
            distances = motmetrics.distances.iou_matrix(one["gt_dets"][t], one["tracker_dets"][t], max_iou=0.5)
            accumulator.update(one["gt_ids"][t], one["tracker_ids"][t], distances, frameid=t)
        accumulators.append(accumulator)
    names = list(data)
    fields = ["num_objects", "num_predictions", "num_detections", "num_misses", "num_false_positives", "num_switches"]
    fields += ["num_fragmentations", "mostly_tracked", "partially_tracked", "mostly_lost", "mota", "motp", "recall"]
    fields += ["precision", "idf1", "idp", "idr", "idtp", "idfn", "idfp"]
    with np.errstate(all="ignore"):
        table = motmetrics.metrics.create().compute_many(accumulators, names=names, metrics=fields, generate_overall=True)

    def answer(row):
        values = table.loc[row]
        integers = lambda *columns: [int(values[column]) for column in columns]
        return {
            "boxes": integers("num_objects", "num_predictions"),
            "clear": integers("num_detections", "num_misses", "num_false_positives", "num_switches", *fields[6:10]),
            "ratios": [number(values[column]) for column in ("mota", "motp", "recall", "precision", "idf1", "idp", "idr")],
            "identity": integers("idtp", "idfn", "idfp"),
        }

    return {"sequences": [answer(name) for name in names], "combined": answer("OVERALL")}


def main():
    written = []
    with motmetrics.lap.set_default_solver("scipy"):
        for i, case in enumerate(CASES):
            with tempfile.TemporaryDirectory() as folder, contextlib.redirect_stdout(io.StringIO()):
                sequences = [rows_of(one) for one in case["sequences"]]
                data = read(case, sequences, pathlib.Path(folder))
                detailed = i % 8 == 0
                answers = {"trackeval": evaluate_trackeval(data, detailed), "motmetrics": evaluate_motmetrics(data)}
            written.append({**case, **answers})
    text = json.dumps({"cases": written}, separators=(",", ":"))
    FIXTURE.parent.mkdir(parents=True, exist_ok=True)
    FIXTURE.write_bytes(gzip.compress(text.encode(), 9, mtime=0))
    print(f"{len(written)} cases, {sum(len(case['sequences']) for case in written)} sequences, {FIXTURE.stat().st_size} bytes")


if __name__ == "__main__":
    main()
