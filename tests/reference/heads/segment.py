"""Writes yolov8_seg.json and yolo11_seg.json: what ultralytics' SegmentationPredictor makes of given raw outputs.

    python segment.py

output0 is [1, 4 + C + 32, A] (cxcywh in pixels of the input, class scores, mask coefficients), output1 [1, 32, H / 4, W / 4] (prototypes).
`expected.masks` holds for each detection one bit a pixel of the source picture, row by row, the highest bit first, deflated
(ops.process_mask_native, as with retina_masks=True). A detection whose mask came out empty is left out, as the predictor does; the `empty` of a case
counts them. Prototypes are smooth noise, they and the coefficients rounded to keep the file small.
"""

import cv2
import numpy as np

import fixture
import ultralytics_model
from detect import perturbed

SIZE, CLASSES, MASKS = 96, 3, 32
CASES = [
    # seed, source, options, rows over the threshold
    (0, (150, 94), fixture.options(), 25),
    (100, (61, 118), fixture.options(classAgnostic=True, iouThreshold=0.6), 20),
    (200, (SIZE, SIZE), fixture.options(scoreThreshold=0.5, iouThreshold=0.7, maxDetections=5), 25),
    (300, (150, 94), fixture.options(scoreThreshold=0.95), 5),
]


def prototypes(generator):
    noise = generator.normal(size=(MASKS, SIZE // 4, SIZE // 4)).astype(np.float32)
    smooth = np.stack([cv2.GaussianBlur(plane, (0, 0), 3) for plane in noise])
    return fixture.coarse(smooth / smooth.std() + 0.3, 1 / 16)[None]


def made(network, generator, settings, above, source):
    detections = perturbed(network, generator, settings, above, source, CLASSES, SIZE)
    if detections is None:
        return None
    count = detections.shape[2]
    coefficients = generator.normal(0.15, 0.2, (1, MASKS, count)) * np.where(generator.random(count) < 0.15, -1, 1)  # some come out empty
    return {"output0": np.concatenate([detections, fixture.coarse(coefficients, 1 / 64)], 1), "output1": prototypes(generator)}


def record(architecture, name, offset):
    _, (network, _), first = ultralytics_model.export(architecture, SIZE, CLASSES)
    cases = []
    for seed, source, settings, above in CASES:
        raw = fixture.first_clear(lambda generator: made(network, generator, settings, above, source), seed + offset)
        if settings["scoreThreshold"] == 0.95:  # nothing found; zeros deflate well
            raw["output0"][:, 4 : 4 + CLASSES] *= 0.9
            raw["output0"][:, 4 + CLASSES :] = 0
            raw["output1"][:] = 0
        result = ultralytics_model.predict("segment", raw, SIZE, source, settings, CLASSES)
        masks = [] if result.masks is None else [fixture.bits(mask.numpy()) for mask in result.masks.data]
        before = ultralytics_model.predict("detect", {"output0": raw["output0"][:, : 4 + CLASSES]}, SIZE, source, settings, CLASSES)
        expected = fixture.found(result.boxes.xyxy, result.boxes.conf, result.boxes.cls, masks=masks)
        cases.append({**fixture.case(source, settings, raw, expected), "empty": len(before.boxes) - len(result.boxes)})
    reference = f"ultralytics {ultralytics_model.VERSION} SegmentationPredictor.postprocess, retina_masks"
    fixture.write(name, {"reference": reference, **first, "cases": cases})


def main():
    record("yolov8n-seg", "yolov8_seg", 0)
    record("yolo11n-seg", "yolo11_seg", 1000)


if __name__ == "__main__":
    main()
