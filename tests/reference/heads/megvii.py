"""Writes yolox.json and yolox_decoded.json: what Megvii's yolox makes of given raw outputs.

    python megvii.py

The export is [1, A, 5 + C] not decoded (centre offsets from the cell in strides, log sizes in strides, objectness, class scores; strides 8, 16 and
32). The package decodes it (YOLOXHead.decode_outputs), takes what reaches the threshold by objectness times the best class score, and
suppresses. It does not clip: boxes are divided by the ratio of the letterbox (top left, sides rounded down), then clipped and cut at maxDetections
here. yolox_decoded.json has the same cases as a model gives them that is exported with decode_in_inference: centres and sizes in pixels of the input.
"""

import importlib.metadata

import numpy as np
import torch
import torch.nn as nn
from yolox.models import YOLOPAFPN, YOLOXHead
from yolox.utils.boxes import postprocess

import fixture

SIZE, CLASSES, STRIDES = 96, 4, (8, 16, 32)
CASES = [
    # seed, source, options, cells over the threshold
    (0, (320, 200), fixture.options(), 50),
    (100, (90, 151), fixture.options(classAgnostic=True, iouThreshold=0.6), 45),
    (200, (SIZE, SIZE), fixture.options(scoreThreshold=0.5, iouThreshold=0.65, maxDetections=12), 70),
    (300, (320, 200), fixture.options(scoreThreshold=0.95), 5),
]


def build():
    torch.manual_seed(0)
    body = YOLOPAFPN(0.33, 0.25, depthwise=True)
    head = YOLOXHead(CLASSES, 0.25, depthwise=True)
    for module in [*body.modules(), *head.modules()]:
        if isinstance(module, nn.BatchNorm2d):
            module.momentum = None  # the plain mean of what it is shown
    return body, head


def run(body, head):
    """The raw output, as the export has it, for a seeded image."""
    with torch.no_grad():
        for module in [*body.modules(), *head.modules()]:  # the head answers only outside training
            module.train(isinstance(module, nn.BatchNorm2d))
        head.decode_in_inference = False
        for _ in range(10):
            head(body(torch.rand(4, 3, SIZE, SIZE)))
        body.eval(), head.eval()
        return head(body(torch.rand(1, 3, SIZE, SIZE))).numpy()


def decode(head, raw):
    return head.decode_outputs(torch.from_numpy(raw.copy()), "torch.FloatTensor")


def made(head, network, generator, source, settings, above):
    threshold = settings["scoreThreshold"]
    ratio = min(SIZE / source[0], SIZE / source[1])
    boxes = decode(head, network)[0, :, :4].numpy()
    boxes[:, 2:] *= np.exp(generator.normal(scale=0.4, size=boxes[:, 2:].shape))
    region = (0, 0, int(source[0] * ratio), int(source[1] * ratio))
    boxes, logits = fixture.gather(boxes, network[0, :, 5:], generator, region)
    grid, stride = cells()
    boxes = np.concatenate([boxes[:, :2] / stride - grid, np.log(boxes[:, 2:] / stride)], 1)
    objectness = fixture.sigmoid(fixture.spread(network[0, :, 4:5], generator, 2 * above, 0.5))
    classes = fixture.sigmoid(fixture.spread(logits, generator, 2 * above, 0.5))
    raw = np.concatenate([fixture.coarse(boxes, 1 / 1024), objectness, classes], 1).astype(np.float32)[None]
    scores = raw[0, :, 4:5] * raw[0, :, 5:]
    passed = scores.max(1) >= threshold
    decoded = fixture.corners(decode(head, raw)[0, :, :4].numpy())
    clear = fixture.clear_scores(scores, threshold) and fixture.clear_overlaps(
        decoded[passed], scores[passed].argmax(1), settings["iouThreshold"], settings["classAgnostic"]
    )
    return raw if clear else None


def cells():
    """Column and row of each cell, and its stride."""
    grids, strides = [], []
    for stride in STRIDES:
        ys, xs = np.mgrid[: SIZE // stride, : SIZE // stride]
        grids.append(np.stack([xs.ravel(), ys.ravel()], 1))
        strides.append(np.full((grids[-1].shape[0], 1), stride))
    return np.concatenate(grids), np.concatenate(strides)


def expected(head, raw, source, settings):
    rows = postprocess(
        decode(head, raw), CLASSES, settings["scoreThreshold"], settings["iouThreshold"], class_agnostic=settings["classAgnostic"]
    )[0]
    if rows is None:
        return fixture.found([], [], [])
    rows = rows[: settings["maxDetections"]]
    ratio = min(SIZE / source[1], SIZE / source[0])
    boxes = (rows[:, :4] / ratio).numpy().clip(0, [source[0], source[1]] * 2)
    return fixture.found(boxes, rows[:, 4] * rows[:, 5], rows[:, 6])


def main():
    body, head = build()
    network = run(body, head)
    cases, decoded = [], []
    for seed, source, settings, above in CASES:
        raw = fixture.first_clear(lambda generator: made(head, network, generator, source, settings, above), seed)
        found = expected(head, raw, source, settings)
        cases.append(fixture.case(source, settings, {"output": raw}, found))
        decoded.append(fixture.case(source, settings, {"output": decode(head, raw).numpy()}, found))
    write("yolox", network, cases)
    write("yolox_decoded", network, decoded)


def write(name, network, cases):
    fixture.write(
        name,
        {
            "reference": f"yolox {importlib.metadata.version('yolox')} YOLOXHead.decode_outputs, postprocess",
            "model": f"YOLOX nano, random weights, seed 0, {SIZE} x {SIZE}, {CLASSES} classes",
            "input": {"name": "images", "shape": [1, 3, SIZE, SIZE]},
            "outputs": [{"name": "output", "shape": list(network.shape)}],
            "metadata": {},
            "options": {},
            "cases": cases,
        },
    )


if __name__ == "__main__":
    main()
