"""Writes yolov8_obb.json: what ultralytics' OBBPredictor makes of given raw outputs.

    python obb.py

The output is [1, 4 + C + 1, A] (centre, width and height in pixels of the input, class scores, angle in radians). Overlap is the
"probabilistic IoU" of ultralytics, and whatever overlaps a better box goes, also where that better box went itself (not the greedy way).
`expected.rotatedBoxes` holds [cx, cy, w, h, angle] after ops.regularize_rboxes (angle in [0, pi / 2)), in pixels of the source picture and not
clipped; `expected.boxes` their axis-aligned hulls (Results.obb.xyxy), clipped to the picture.
"""

import numpy as np
import torch
from ultralytics.utils.metrics import batch_probiou
from ultralytics.utils.ops import clip_boxes, regularize_rboxes

import fixture
import ultralytics_model
from detect import perturbed

SIZE, CLASSES = 160, 4
CASES = [
    # seed, source, options, rows over the threshold
    (0, (320, 200), fixture.options(), 60),
    (100, (90, 151), fixture.options(classAgnostic=True, iouThreshold=0.6), 50),
    (200, (SIZE, SIZE), fixture.options(scoreThreshold=0.5, iouThreshold=0.7, maxDetections=12), 80),
    (300, (320, 200), fixture.options(scoreThreshold=0.95), 5),
]


def made(network, generator, settings, above, source):
    detections = perturbed(network, generator, settings, above, source)
    if detections is None:
        return None
    boxes = detections[0, :4].T
    # The range of the head: [-pi / 4, 3 pi / 4). What lies together gets about the same angle.
    angle = (boxes[:, 0] + boxes[:, 1]) / SIZE * 2.2 + generator.normal(scale=0.25, size=len(boxes))
    angle = ((angle + np.pi / 4) % np.pi - np.pi / 4).astype(np.float32)
    scores = detections[0, 4:].T
    passed = scores.max(1) > settings["scoreThreshold"]
    rotated = torch.from_numpy(np.concatenate([boxes, angle[:, None]], 1)[passed])
    overlaps = batch_probiou(rotated, rotated).numpy()
    classes = scores[passed].argmax(1)
    pairs = settings["classAgnostic"] | (classes[:, None] == classes[None])
    if (np.abs(overlaps - settings["iouThreshold"])[pairs] < 2e-3).any():
        return None
    return {"output0": np.concatenate([detections, angle[None, None]], 1)}


def main():
    _, (network,), first = ultralytics_model.export("yolov8n-obb", SIZE, CLASSES)
    cases = []
    for seed, source, settings, above in CASES:
        raw = fixture.first_clear(lambda generator: made(network, generator, settings, above, source), seed)
        if settings["scoreThreshold"] == 0.95:
            raw["output0"][:, 4 : 4 + CLASSES] *= 0.9
        result = ultralytics_model.predict("obb", raw, SIZE, source, settings, CLASSES).obb
        hulls = clip_boxes(result.xyxy.clone(), (source[1], source[0]))
        rotated = fixture.rounded(regularize_rboxes(result.xywhr), 5)
        cases.append(fixture.case(source, settings, raw, fixture.found(hulls, result.conf, result.cls, rotatedBoxes=rotated)))
    fixture.write("yolov8_obb", {"reference": f"ultralytics {ultralytics_model.VERSION} OBBPredictor.postprocess", **first, "cases": cases})


if __name__ == "__main__":
    main()
