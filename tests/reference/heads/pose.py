"""Writes yolov8_pose.json and yolov8_pose_2d.json: what ultralytics' PosePredictor makes of given raw outputs.

    python pose.py

The output is [1, 4 + C + K * D, A] (cxcywh in pixels of the input, class scores, then x, y and, where D is 3, visibility of each keypoint).
`expected.keypoints` holds [x, y, visibility] or [x, y] of each keypoint of each detection, in pixels of the source picture and clipped to it.
Keypoints are scattered in and about their box with a seed, and rounded to keep the file small.
"""

import numpy as np

import fixture
import ultralytics_model
from detect import perturbed

SIZE = 96
CASES = [
    # seed, source, options, rows over the threshold
    (0, (150, 94), fixture.options(), 30),
    (100, (61, 118), fixture.options(iouThreshold=0.6), 25),
    (200, (SIZE, SIZE), fixture.options(scoreThreshold=0.5, iouThreshold=0.7, maxDetections=4, classAgnostic=True), 25),
    (300, (150, 94), fixture.options(scoreThreshold=0.95), 5),
]


def made(network, generator, settings, above, source, classes, shape):
    detections = perturbed(network, generator, settings, above, source, classes, SIZE)
    if detections is None:
        return None
    count, dimensions = shape
    boxes = detections[0, :4].T[:, None]
    points = boxes[..., :2] + generator.uniform(-0.55, 0.55, (boxes.shape[0], count, 2)) * boxes[..., 2:]
    if dimensions == 3:
        points = np.concatenate([points, generator.random((*points.shape[:2], 1))], 2)
    points = fixture.coarse(points, 1 / 16).reshape(len(points), -1).T[None]
    return {"output0": np.concatenate([detections, points], 1)}


def record(name, classes, shape, offset):
    _, (network,), first = ultralytics_model.export("yolov8n-pose", SIZE, classes, kpt_shape=list(shape))
    cases = []
    for seed, source, settings, above in CASES:
        raw = fixture.first_clear(lambda generator: made(network, generator, settings, above, source, classes, shape), seed + offset)
        if settings["scoreThreshold"] == 0.95:
            raw["output0"][:, 4 : 4 + classes] *= 0.9
            raw["output0"][:, 4 + classes :] = 0
        result = ultralytics_model.predict("pose", raw, SIZE, source, settings, classes, kpt_shape=shape)
        keypoints = fixture.rounded(result.keypoints.data, 4)
        cases.append(fixture.case(source, settings, raw, fixture.found(result.boxes.xyxy, result.boxes.conf, result.boxes.cls, keypoints=keypoints)))
    fixture.write(name, {"reference": f"ultralytics {ultralytics_model.VERSION} PosePredictor.postprocess", **first, "cases": cases})


def main():
    record("yolov8_pose", 1, (17, 3), 0)
    record("yolov8_pose_2d", 2, (5, 2), 1000)


if __name__ == "__main__":
    main()
