"""Writes sliced.json: sahi's slices of pictures, and what its NMS and greedy NMM leave of seeded boxes.

    python sliced.py

`slices`: for a picture, a slice and its overlap ratios, get_slice_bboxes ([left, top, right, bottom], whole numbers).
`merges`: for boxes (xyxy), scores and class ids, what NMSPostprocess and GreedyNMMPostprocess (numpy backend) give by overlap over union (IOU) or
over the smaller box (IOS). An overlap that reaches the threshold counts. Greedy NMM merges into the best box, in order of score, those of the boxes
that it overlaps enough which still do when their turn comes, the kept box having grown; the others are dropped. `expected` is sorted by score
here (sahi goes class by class).
"""

import importlib.metadata

import numpy as np
from sahi.postprocess.backends import set_postprocess_backend
from sahi.postprocess.combine import GreedyNMMPostprocess, NMSPostprocess
from sahi.prediction import ObjectPrediction
from sahi.slicing import get_slice_bboxes

import fixture

SLICES = [
    # picture, slice, overlap ratios: (width, height) each
    ((1920, 1080), (640, 640), (0.2, 0.2)),
    ((1000, 700), (512, 512), (0.25, 0.25)),
    ((700, 1000), (256, 320), (0.0, 0.1)),
    ((640, 640), (640, 640), (0.2, 0.2)),
    ((500, 300), (640, 640), (0.2, 0.2)),
    ((1280, 500), (640, 640), (0.2, 0.2)),
    ((1281, 641), (640, 640), (0.0, 0.0)),
    ((333, 257), (100, 90), (0.33, 0.15)),
    ((2725, 2225), (1024, 1024), (0.2, 0.3)),
]
MERGES = [
    # seed, boxes, classes, method, metric, threshold, class-agnostic
    (0, 60, 3, "NMS", "IOU", 0.5, False),
    (100, 60, 3, "NMS", "IOS", 0.5, True),
    (200, 60, 3, "GREEDYNMM", "IOS", 0.5, False),
    (300, 60, 3, "GREEDYNMM", "IOU", 0.4, True),
    (400, 80, 2, "GREEDYNMM", "IOS", 0.7, False),
    (500, 0, 1, "GREEDYNMM", "IOS", 0.5, False),
]
METHODS = {"NMS": NMSPostprocess, "GREEDYNMM": GreedyNMMPostprocess}


def overlaps(boxes, metric):
    low, high = np.maximum(boxes[:, None, :2], boxes[None, :, :2]), np.minimum(boxes[:, None, 2:], boxes[None, :, 2:])
    shared = (high - low).clip(0).prod(2)
    areas = (boxes[:, 2:] - boxes[:, :2]).prod(1)
    other = areas[:, None] + areas[None] - shared if metric == "IOU" else np.minimum(areas[:, None], areas[None])
    return shared / other


def made(generator, count, classes, metric, threshold):
    """Boxes of objects cut by slices: whole, or one part of it. None where an overlap is about the threshold."""
    objects = generator.uniform([0, 0, 40, 40], [560, 400, 160, 160], (12, 4))
    objects[:, 2:] += objects[:, :2]
    kinds = generator.integers(classes, size=len(objects))
    chosen = generator.integers(len(objects), size=count)
    boxes = objects[chosen] + generator.normal(scale=4, size=(count, 4))
    cut = generator.random(count) < 0.4
    edge = generator.integers(4, size=count)
    extent = np.tile(boxes[:, 2:] - boxes[:, :2], 2)
    for row in np.flatnonzero(cut):
        boxes[row, edge[row]] += (1 if edge[row] < 2 else -1) * generator.uniform(0.3, 0.7) * extent[row, edge[row]]
    boxes = fixture.coarse(boxes.clip(0), 1 / 16)
    scores = fixture.coarse(generator.permutation(count) / max(count, 1) * 0.7 + 0.25, 1 / 1024)
    clear = count == 0 or (np.abs(overlaps(boxes.astype(np.float64), metric) - threshold) > 1e-3).all()
    unique = np.unique(scores).size == count
    return (boxes, scores, kinds[chosen]) if clear and unique else None


def merge(seed, count, classes, method, metric, threshold, agnostic):
    boxes, scores, kinds = fixture.first_clear(lambda generator: made(generator, count, classes, metric, threshold), seed)
    predictions = [
        ObjectPrediction(bbox=box.tolist(), category_id=int(kind), category_name=str(kind), score=float(score))
        for box, score, kind in zip(boxes, scores, kinds)
    ]
    left = METHODS[method](threshold, metric, agnostic)(predictions) if predictions else []
    left = sorted(left, key=lambda each: -each.score.value)
    return {
        "method": method,
        "metric": metric,
        "threshold": threshold,
        "classAgnostic": agnostic,
        "boxes": boxes.tolist(),
        "scores": scores.tolist(),
        "classIds": kinds.tolist(),
        "expected": fixture.found(
            [each.bbox.to_xyxy() for each in left], [each.score.value for each in left], [each.category.id for each in left]
        ),
    }


def main():
    set_postprocess_backend("numpy")
    slices = []
    for (width, height), (slice_width, slice_height), (across, down) in SLICES:
        boxes = get_slice_bboxes(height, width, slice_height, slice_width, False, down, across)
        slices.append({"picture": [width, height], "slice": [slice_width, slice_height], "overlap": [across, down], "expected": boxes})
    merges = [merge(*each) for each in MERGES]
    fixture.write("sliced", {"reference": f"sahi {importlib.metadata.version('sahi')}", "slices": slices, "merges": merges})
    print([len(each["expected"]) for each in slices], [len(each["expected"]["scores"]) for each in merges])


if __name__ == "__main__":
    main()
