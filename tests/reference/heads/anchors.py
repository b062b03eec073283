"""Writes yolov5.json: what the yolov5 package's non_max_suppression makes of given raw outputs.

    python anchors.py

The output is [1, A, 5 + C]: cxcywh in pixels of the input, objectness, class scores; YOLOv7's export without its own suppression is the same.
The package filters by objectness first, then by objectness times class score. Boxes are mapped to the picture by ultralytics' scale_boxes,
which knows the rounding of the letterbox; the package's own is off by the rounded part of a pixel.
"""

import warnings

warnings.filterwarnings("ignore", message="pkg_resources")

import importlib.metadata
import importlib.resources

import numpy as np
import torch
from ultralytics.utils.ops import scale_boxes
from yolov5.models.yolo import Model
from yolov5.utils.general import non_max_suppression

import fixture
from ultralytics_model import awaken, names

SIZE, CLASSES = 96, 4
CASES = [
    # seed, source, options, rows over the threshold
    (0, (320, 200), fixture.options(), 70),
    (100, (90, 151), fixture.options(classAgnostic=True, iouThreshold=0.6), 60),
    (200, (SIZE, SIZE), fixture.options(scoreThreshold=0.5, iouThreshold=0.7, maxDetections=12), 120),
    (300, (320, 200), fixture.options(scoreThreshold=0.95), 5),
]


def perturbed(network, generator, settings, above, source):
    rows = network[0]
    moved = generator.normal(size=rows[:, :4].shape) * [4, 4, 0.3, 0.3]
    boxes = np.concatenate([rows[:, :2] + moved[:, :2], rows[:, 2:4] * np.exp(moved[:, 2:])], 1)
    boxes, logits = fixture.gather(boxes, rows[:, 5:], generator, fixture.letterboxed(source, SIZE))
    classes = fixture.sigmoid(fixture.spread(logits, generator, 4 * above, 0.5))
    objectness = fixture.sigmoid(fixture.spread(rows[:, 4:5], generator, 2 * above, 0.4))
    raw = np.concatenate([boxes, objectness, classes], 1).astype(np.float32)[None]
    scores = raw[0, :, 4:5] * raw[0, :, 5:]
    threshold = settings["scoreThreshold"]
    passed = scores.max(1) > threshold
    clear = (
        fixture.clear_scores(scores, threshold)
        and fixture.clear_scores(raw[0, :, 4], threshold)
        and fixture.clear_overlaps(
            fixture.corners(raw[0, passed, :4]), scores[passed].argmax(1), settings["iouThreshold"], settings["classAgnostic"]
        )
    )
    return raw if clear else None


def expected(raw, source, settings):
    rows = non_max_suppression(
        torch.from_numpy(raw.copy()),
        settings["scoreThreshold"],
        settings["iouThreshold"],
        agnostic=settings["classAgnostic"],
        max_det=settings["maxDetections"],
    )[0]
    boxes = scale_boxes((SIZE, SIZE), rows[:, :4], source[::-1])
    return fixture.found(boxes, rows[:, 4], rows[:, 5])


def main():
    torch.manual_seed(0)
    model = Model(importlib.resources.files("yolov5") / "models" / "yolov5n.yaml", nc=CLASSES)
    awaken(model, SIZE)
    model.eval()
    with torch.no_grad():
        network = model(torch.rand(1, 3, SIZE, SIZE))[0].numpy()
    cases = []
    for seed, source, settings, above in CASES:
        raw = fixture.first_clear(lambda generator: perturbed(network, generator, settings, above, source), seed)
        cases.append(fixture.case(source, settings, {"output0": raw}, expected(raw, source, settings)))
    version = importlib.metadata.version("yolov5")
    fixture.write(
        "yolov5",
        {
            "reference": f"yolov5 {version} non_max_suppression",
            "model": f"yolov5n, random weights, seed 0, {SIZE} x {SIZE}, {CLASSES} classes",
            "input": {"name": "images", "shape": [1, 3, SIZE, SIZE]},
            "outputs": [{"name": "output0", "shape": list(network.shape)}],
            "metadata": {"stride": str(int(max(model.stride))), "names": str(names(CLASSES))},
            "options": {},
            "cases": cases,
        },
    )


if __name__ == "__main__":
    main()
