"""Writes yolov8, yolov9, yolo12, yolov10n and yolo26n.json: what ultralytics' DetectionPredictor makes of given raw outputs.

    python detect.py

The first three are [1, 4 + C, A] (cxcywh in pixels of the input, class scores) and go through non-maximum suppression; the other two are
exported with their NMS-free head, [1, 300, 6] (x1, y1, x2, y2, score, class; in pixels of the input), and are filtered only.
Scores and boxes are the network's, spread, scattered and partly gathered on a few objects, with a seed.
"""

import numpy as np
import torch

import fixture
import ultralytics_model

SIZE, CLASSES = 160, 4
LANDSCAPE, PORTRAIT, EQUAL = (320, 200), (90, 151), (SIZE, SIZE)
CASES = [
    # seed, source, options, rows over the threshold
    (0, LANDSCAPE, fixture.options(), 70),
    (100, PORTRAIT, fixture.options(classAgnostic=True, iouThreshold=0.6), 60),
    (200, EQUAL, fixture.options(scoreThreshold=0.5, iouThreshold=0.7, maxDetections=12), 90),
    (300, LANDSCAPE, fixture.options(scoreThreshold=0.95), 5),
]


def perturbed(network, generator, settings, above, source, classes=CLASSES, size=SIZE):
    """Raw output [1, 4 + C, A] made of the network's; None where a decision would hang on the last bits."""
    rows = network[0].T
    boxes = rows[:, :4] * [1, 1, 0.35, 0.35] + generator.normal(size=rows[:, :4].shape) * [4, 4, 0, 0]
    boxes, logits = fixture.gather(boxes, rows[:, 4 : 4 + classes], generator, fixture.letterboxed(source, size))
    boxes, scores = boxes.astype(np.float32), fixture.sigmoid(fixture.spread(logits, generator, above)).astype(np.float32)
    passed = scores.max(1) > settings["scoreThreshold"]
    clear = fixture.clear_scores(scores, settings["scoreThreshold"]) and fixture.clear_overlaps(
        fixture.corners(boxes[passed]), scores[passed].argmax(1), settings["iouThreshold"], settings["classAgnostic"]
    )
    return np.concatenate([boxes, scores], 1).T[None].astype(np.float32) if clear else None


def expected(result):
    return fixture.found(result.boxes.xyxy, result.boxes.conf, result.boxes.cls)


def quiet(settings):
    """The last case finds nothing: its scores stop below the threshold."""
    return settings["scoreThreshold"] == 0.95


def with_suppression(architecture, name, offset):
    _, (network,), record = ultralytics_model.export(architecture, SIZE, CLASSES)
    cases = []
    for seed, source, settings, above in CASES:
        raw = fixture.first_clear(lambda generator: perturbed(network, generator, settings, above, source), seed + offset)
        if quiet(settings):
            raw[:, 4:] *= 0.9
        raw = {"output0": raw}
        result = ultralytics_model.predict("detect", raw, SIZE, source, settings, CLASSES)
        cases.append(fixture.case(source, settings, raw, expected(result)))
    fixture.write(name, {"reference": f"ultralytics {ultralytics_model.VERSION} DetectionPredictor.postprocess", **record, "cases": cases})


def end_to_end(architecture, offset):
    model, _, record = ultralytics_model.export(architecture, SIZE, CLASSES, nms=False)
    _, (network,), _ = ultralytics_model.export(architecture, SIZE, CLASSES)
    head = model.model[-1]
    cases = []
    for seed, source, settings, above in CASES:
        raw = fixture.first_clear(lambda generator: perturbed(network, generator, settings, above, source), seed + offset)
        if quiet(settings):
            raw[:, 4:] *= 0.9
        rows = raw[0].T
        rows = np.concatenate([fixture.corners(rows[:, :4]), rows[:, 4:]], 1).astype(np.float32)
        raw = {"output0": head.postprocess(torch.from_numpy(rows[None])).numpy()}  # the head's own choice of the best 300
        result = ultralytics_model.predict("detect", raw, SIZE, source, settings, CLASSES, end2end=True)
        cases.append(fixture.case(source, settings, raw, expected(result)))
    reference = f"ultralytics {ultralytics_model.VERSION} DetectionPredictor.postprocess, end2end"
    fixture.write(architecture, {"reference": reference, **record, "cases": cases})


def main():
    with_suppression("yolov8n", "yolov8", 0)
    with_suppression("yolov9t", "yolov9", 1000)
    with_suppression("yolo12n", "yolo12", 2000)
    end_to_end("yolov10n", 3000)
    end_to_end("yolo26n", 4000)


if __name__ == "__main__":
    main()
