"""What the scripts here share: how a fixture is written, how raw outputs get scores that spread, and which cases are clear.

A fixture is fixtures/heads/<name>.json. Tensors are little-endian float32 (or what the script says), zlib-deflated, base64.
"""

import base64
import itertools
import json
import pathlib
import zlib

import numpy as np
import torch
import torchvision

REPOSITORY = pathlib.Path(__file__).resolve().parents[3]
FIXTURES = REPOSITORY / "tests" / "reference" / "fixtures" / "heads"
LARGEST = 250_000  # bytes of a file
DEFAULTS = {"scoreThreshold": 0.25, "iouThreshold": 0.45, "classAgnostic": False, "maxDetections": 300}

torch.set_num_threads(1)


def deflate(array, kind="<f4"):
    return base64.b64encode(zlib.compress(np.ascontiguousarray(array).astype(kind).tobytes(), 9)).decode()


def bits(mask):
    """A boolean map as one bit a pixel, row by row, the highest bit first."""
    return deflate(np.packbits(np.asarray(mask, bool)), "u1")


def rounded(values, digits):
    """Nested lists of plain numbers, so many digits after the point."""
    return np.round(np.asarray(values, np.float64), digits).tolist()


def write(name, record):
    FIXTURES.mkdir(parents=True, exist_ok=True)
    text = json.dumps(record, separators=(",", ":")) + "\n"
    if len(text) > LARGEST:
        raise SystemExit(f"{name}.json: expected at most {LARGEST} bytes, made {len(text)}")
    (FIXTURES / f"{name}.json").write_text(text)
    found = [len(case["expected"]["scores"]) for case in record.get("cases", []) if "scores" in case.get("expected", {})]
    print(f"{name}.json: {len(text)} bytes, found {found}" if found else f"{name}.json: {len(text)} bytes")


def options(**changed):
    return {**DEFAULTS, **changed}


def case(source, settings, raw, expected):
    return {"source": list(source), "options": settings, "raw": {name: deflate(value) for name, value in raw.items()}, "expected": expected}


def found(boxes, scores, classes, **more):
    """The `expected` of a case. Boxes, scores and classes must be in the order of the reference."""
    return {
        "boxes": rounded(np.reshape(boxes, (-1, 4)), 4),
        "scores": rounded(scores, 6),
        "classIds": [int(value) for value in classes],
        **more,
    }


def sigmoid(values):
    return 1 / (1 + np.exp(-np.asarray(values, np.float64)))


def logit(probability):
    return float(np.log(probability / (1 - probability)))


def spread(values, generator, above, threshold=0.25, width=1.6, kept=0.4):
    """Logits [count, classes] that keep some (`kept`) of what the network said, such that `above` rows have a best score over the threshold."""
    values = np.asarray(values, np.float64)
    centred = (values - values.mean()) / max(values.std(), 1e-6)
    logits = width * (kept * centred + generator.normal(size=values.shape))
    best = np.sort(logits.max(-1))[::-1]
    return logits + logit(threshold) - (best[above - 1] + best[above]) / 2


def letterboxed(source, size):
    """Where ultralytics puts a picture of (width, height) in a square input: left, top, width, height."""
    ratio = size / max(source)
    width, height = round(source[0] * ratio), round(source[1] * ratio)
    return round((size - width) / 2 - 0.1), round((size - height) / 2 - 0.1), width, height


def gather(boxes, logits, generator, region, objects=7):
    """Moves about half of the boxes (cxcywh) onto a few objects in and over the edge of the region, so that many overlap.

    What moved also gets its object's class more likely. Returns boxes and logits.
    """
    boxes, logits = np.asarray(boxes, np.float64).copy(), np.asarray(logits, np.float64).copy()
    start, extent = np.array(region[:2]), np.array(region[2:])
    centres = start + generator.uniform(-0.03, 1.03, (objects, 2)) * extent
    extents = generator.uniform(0.15, 0.6, (objects, 2)) * extent
    classes = generator.integers(logits.shape[1], size=objects)
    for row in np.flatnonzero(generator.random(len(boxes)) < 0.5):
        chosen = generator.integers(objects)
        boxes[row, :2] = centres[chosen] + generator.normal(scale=0.1, size=2) * extents[chosen]
        boxes[row, 2:4] = extents[chosen] * np.exp(generator.normal(scale=0.15, size=2))
        logits[row, classes[chosen]] += 1.0
    return boxes, logits


def coarse(values, step):
    """Rounded to multiples of `step`, a power of two: deflates to a fraction."""
    return (np.round(np.asarray(values, np.float64) / step) * step).astype(np.float32)


def clear_scores(scores, threshold, margin=1e-4):
    """Whether no score lies at the threshold and no two above it are the same."""
    scores = np.asarray(scores, np.float32).ravel()
    above = scores[scores > threshold - margin]
    return bool((np.abs(scores - threshold) > margin).all() and np.unique(above).size == above.size)


def clear_overlaps(boxes, classes, iou_threshold, agnostic, margin=1e-3):
    """Whether no pair of boxes (xyxy) that may suppress one another overlaps by about the threshold."""
    overlaps = torchvision.ops.box_iou(torch.as_tensor(boxes).double(), torch.as_tensor(boxes).double()).numpy()
    classes = np.asarray(classes)
    pairs = np.ones_like(overlaps, bool) if agnostic else classes[:, None] == classes[None]
    return bool((np.abs(overlaps - iou_threshold)[pairs] > margin).all())


def corners(boxes):
    """xyxy of boxes given as centre and size."""
    boxes = np.asarray(boxes, np.float64)
    return np.concatenate([boxes[..., :2] - boxes[..., 2:4] / 2, boxes[..., :2] + boxes[..., 2:4] / 2], -1)


def first_clear(make, seed):
    """What `make(generator)` returns for the first seed from `seed` on for which it is not None."""
    for candidate in itertools.count(seed):
        made = make(np.random.default_rng(candidate))
        if made is not None:
            return made
