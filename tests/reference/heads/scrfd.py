"""Writes scrfd.json and scrfd_boxes.json: what insightface's SCRFD makes of given raw outputs.

    python scrfd.py

Nine outputs (scores, distances and keypoint offsets at strides 8, 16 and 32, two anchors a cell, [A, .]) or six (no keypoints, [1, A, .]).
A score is a probability; distances (left, top, right, bottom) and offsets are in strides from the top left corner of the cell. The package takes
scores that reach the threshold, adds 1 to each side of a box for the overlap, which it measures in pixels of the source picture, and does not clip.
The cases are such that plain overlap and overlap with the 1 added decide alike; `expected` is clipped and cut at maxDetections here. The picture
is resized keeping its ratio (sides rounded down) and put at the top left. No architecture: the outputs are made here, with a seed.
"""

import types

import insightface
import numpy as np
from insightface.model_zoo.scrfd import SCRFD

import fixture

STRIDES = (8, 16, 32)
CASES = [
    # seed, source, options, anchors over the threshold
    (0, (320, 200), fixture.options(scoreThreshold=0.5, iouThreshold=0.4), 60),
    (100, (90, 151), fixture.options(scoreThreshold=0.3, iouThreshold=0.6), 50),
    (200, None, fixture.options(scoreThreshold=0.6, iouThreshold=0.4, maxDetections=3), 60),
    (300, (320, 200), fixture.options(scoreThreshold=0.95, iouThreshold=0.4), 5),
]


def made(generator, width, height, keypoints, settings, above):
    """The outputs by name, and the boxes they mean in pixels of the input."""
    faces = generator.uniform([0, 0, 0.2, 0.25], [width, height * 0.8, 0.45, 0.5], (12, 4)) * [1, 1, width, height]
    corners = fixture.corners(faces)
    places = [(0.3, 0.4), (0.7, 0.4), (0.5, 0.6), (0.35, 0.8), (0.65, 0.8)]
    levels, boxes = [], []
    for stride in STRIDES:
        rows, columns = height // stride, width // stride
        ys, xs = np.mgrid[:rows, :columns] * stride
        centres = np.repeat(np.stack([xs.ravel(), ys.ravel()], 1), 2, 0).astype(np.float64)
        inside = (centres[:, None] >= corners[None, :, :2]).all(2) & (centres[:, None] <= corners[None, :, 2:]).all(2)
        face = inside.argmax(1)
        target = np.where(inside.any(1)[:, None], corners[face], np.concatenate([centres - stride, centres + 2 * stride], 1))
        extent = np.tile(target[:, 2:] - target[:, :2], (1, 2))
        target = target + generator.normal(scale=0.06, size=target.shape) * extent
        points = np.stack([target[:, :2] + np.array(place) * (target[:, 2:] - target[:, :2]) for place in places], 1)
        points += generator.normal(scale=0.03, size=points.shape) * extent[:, None, :2]
        levels.append(
            {
                "inside": inside.any(1),
                "bbox": fixture.coarse(np.concatenate([centres - target[:, :2], target[:, 2:] - centres], 1) / stride, 1 / 256),
                "kps": fixture.coarse((points - centres[:, None]) / stride, 1 / 256).reshape(len(centres), 10),
            }
        )
        distances = levels[-1]["bbox"] * stride
        boxes.append(np.concatenate([centres - distances[:, :2], centres + distances[:, 2:]], 1))
    said = np.concatenate([level["inside"] for level in levels])[:, None]
    scores = fixture.sigmoid(fixture.spread(said, generator, above, settings["scoreThreshold"], kept=1.0)).astype(np.float32)
    if settings["scoreThreshold"] == 0.95:
        scores *= np.float32(0.9)
    parts = np.split(scores, np.cumsum([len(level["inside"]) for level in levels])[:-1])
    raw = {f"score_{stride}": part for stride, part in zip(STRIDES, parts)}
    raw.update({f"bbox_{stride}": level["bbox"] for stride, level in zip(STRIDES, levels)})
    if keypoints:
        raw.update({f"kps_{stride}": level["kps"] for stride, level in zip(STRIDES, levels)})
    return raw, np.concatenate(boxes), scores[:, 0]


def clear(boxes, scores, source, size, settings):
    if not fixture.clear_scores(scores, settings["scoreThreshold"]):
        return False
    passed = scores >= settings["scoreThreshold"]
    scale = scaled(source, size)[1] / source[1]
    plain = boxes[passed] / scale
    one_more = plain + [0, 0, 1, 1]
    nothing = np.zeros(len(plain))
    pairs = [fixture.clear_overlaps(each, nothing, settings["iouThreshold"], True) for each in (plain, one_more)]
    return all(pairs) and kept(plain, settings) == kept(one_more, settings)


def kept(boxes, settings):
    """Which pairs overlap too much."""
    overlaps = fixture.torchvision.ops.box_iou(fixture.torch.as_tensor(boxes), fixture.torch.as_tensor(boxes))
    return (overlaps > settings["iouThreshold"]).tolist()


def scaled(source, size):
    """Size of the picture in the input, as SCRFD.detect has it."""
    if source[1] / source[0] > size[1] / size[0]:
        return int(size[1] / (source[1] / source[0])), size[1]
    return size[0], int(size[0] * (source[1] / source[0]))


def detect(raw, source, size, settings):
    info = [types.SimpleNamespace(name=name, shape=list(value.shape)) for name, value in raw.items()]
    session = types.SimpleNamespace(
        get_inputs=lambda: [types.SimpleNamespace(name="input.1", shape=[1, 3, size[1], size[0]])],
        get_outputs=lambda: info,
        run=lambda names, inputs: [raw[name] for name in names],
    )
    detector = SCRFD(session=session)
    detector.prepare(0, det_thresh=settings["scoreThreshold"], nms_thresh=settings["iouThreshold"])
    boxes, keypoints = detector.detect(np.zeros((source[1], source[0], 3), np.uint8))
    count = settings["maxDetections"]
    clipped = boxes[:count, :4].clip(0, [source[0], source[1]] * 2)
    more = {} if keypoints is None else {"keypoints": fixture.rounded(keypoints[:count], 4)}
    return fixture.found(clipped, boxes[:count, 4], [0] * len(clipped), **more)


def record(name, size, keypoints, batched, offset):
    def tensors(generator, source, settings, above):
        raw, boxes, scores = made(generator, *size, keypoints, settings, above)
        if not clear(boxes, scores, source, size, settings):
            return None
        return {key: value[None] if batched else value for key, value in raw.items()}

    cases = []
    for seed, source, settings, above in CASES:
        source = source or size
        raw = fixture.first_clear(lambda generator: tensors(generator, source, settings, above), seed + offset)
        cases.append(fixture.case(source, settings, raw, detect(raw, source, size, settings)))
    fixture.write(
        name,
        {
            "reference": f"insightface {insightface.__version__} SCRFD.detect",
            "model": f"made outputs, {size[0]} x {size[1]}",
            "input": {"name": "input.1", "shape": [1, 3, size[1], size[0]]},
            "outputs": [{"name": key, "shape": list(value.shape)} for key, value in raw.items()],
            "metadata": {},
            "options": {},
            "cases": cases,
        },
    )


def main():
    record("scrfd", (128, 128), True, False, 0)
    record("scrfd_boxes", (160, 96), False, True, 1000)


if __name__ == "__main__":
    main()
