"""Restates the post-processing of the reference packages with NumPy and OpenCV, and writes small fixtures with it.

    python tests/reference/postprocess.py        (needs numpy and opencv-python-headless 4.12)

Detection follows the exports of YOLOv8 and YOLOX: best class of each anchor, threshold, greedy suppression in input
pixels, boxes mapped back and clipped. Suppression is written out here and checked against cv2.dnn.NMSBoxesBatched.
Masks: the part of the map that shows the picture, resized by cv2.resize, then argmax or threshold. The fixtures hold
input, specification and expected result, and are deterministic.
"""

import json
import pathlib

import cv2
import numpy as np

FOLDER = pathlib.Path(__file__).parent / "fixtures" / "postprocess"


def letterbox(source, size):
    """Placement of a picture of `source` (width, height) in an input of `size`: centred, sizes rounded to nearest."""
    ratio = min(size[0] / source[0], size[1] / source[1])
    resized = [round(edge * ratio) for edge in source]
    left, top = (size[0] - resized[0]) // 2, (size[1] - resized[1]) // 2
    return placement(source, size, resized, left, top)


def placement(source, size, resized, left=0, top=0):
    return {
        "sourceWidth": source[0],
        "sourceHeight": source[1],
        "inputWidth": size[0],
        "inputHeight": size[1],
        "scaleX": resized[0] / source[0],
        "scaleY": resized[1] / source[1],
        "offsetX": left,
        "offsetY": top,
    }


# Detection


def iou(box, others):
    """Overlap of one xyxy box with several, in float32."""
    width = np.minimum(box[2], others[:, 2]) - np.maximum(box[0], others[:, 0])
    height = np.minimum(box[3], others[:, 3]) - np.maximum(box[1], others[:, 1])
    intersection = np.maximum(width, 0) * np.maximum(height, 0)
    area = (others[:, 2] - others[:, 0]) * (others[:, 3] - others[:, 1])
    return intersection / ((box[2] - box[0]) * (box[3] - box[1]) + area - intersection)


def suppress(boxes, scores, class_ids, threshold, agnostic):
    """Greedy suppression; indices in descending order of score."""
    order = np.argsort(-scores, kind="stable")
    kept = []
    while order.size:
        first, order = order[0], order[1:]
        kept.append(int(first))
        rival = np.full(order.shape, True) if agnostic else class_ids[order] == class_ids[first]
        order = order[~(rival & (iou(boxes[first], boxes[order]) > threshold))]
    return kept


def check_with_opencv(boxes, scores, class_ids, spec, kept):
    corner_and_size = np.concatenate([boxes[:, :2], boxes[:, 2:] - boxes[:, :2]], 1).astype(np.float64).tolist()
    ids = np.zeros_like(class_ids) if spec["classAgnostic"] else class_ids
    theirs = cv2.dnn.NMSBoxesBatched(
        corner_and_size, scores.tolist(), ids.tolist(), spec["scoreThreshold"] - 1e-6, spec["iouThreshold"]
    )
    theirs = sorted(np.asarray(theirs).reshape(-1).tolist(), key=lambda index: -scores[index])
    assert theirs == kept, (theirs, kept)


def split(output, spec, size):
    """Corners [A, 4] in input pixels and class scores [A, C]."""
    if spec["head"] == "yolox":
        cells, strides = [], []
        for stride in spec["strides"]:
            columns, rows = size[0] // stride, size[1] // stride
            x, y = np.meshgrid(np.arange(columns), np.arange(rows))
            cells.append(np.stack([x, y], -1).reshape(-1, 2))
            strides.append(np.full((columns * rows, 1), stride))
        strides = np.concatenate(strides).astype(np.float32)
        center = (output[:, :2] + np.concatenate(cells).astype(np.float32)) * strides
        extent = np.exp(output[:, 2:4]) * strides
        scores = output[:, 4:5] * output[:, 5:]
    else:
        by_anchor = output.T if spec["head"] == "yolov8" else output
        center, extent, scores = by_anchor[:, :2], by_anchor[:, 2:4], by_anchor[:, 4:]
    return np.concatenate([center - extent / 2, center + extent / 2], 1), scores


def detect(output, spec, place):
    boxes, all_scores = split(output, spec, (place["inputWidth"], place["inputHeight"]))
    scores, class_ids = all_scores.max(1), all_scores.argmax(1)
    passing = scores >= np.float32(spec["scoreThreshold"])
    if spec["classFilter"]:
        passing &= np.isin(class_ids, spec["classFilter"])
    boxes, scores, class_ids = boxes[passing], scores[passing], class_ids[passing]
    kept = suppress(boxes, scores, class_ids, np.float32(spec["iouThreshold"]), spec["classAgnostic"])
    check_with_opencv(boxes, scores, class_ids, spec, kept)
    kept = kept[: spec["maxDetections"]]
    boxes, scores, class_ids = boxes[kept].astype(np.float64), scores[kept], class_ids[kept]
    boxes = (boxes - [place["offsetX"], place["offsetY"]] * 2) / ([place["scaleX"], place["scaleY"]] * 2)
    boxes = np.clip(boxes, 0, [place["sourceWidth"], place["sourceHeight"]] * 2)
    inside = (boxes[:, 2] > boxes[:, 0]) & (boxes[:, 3] > boxes[:, 1])
    boxes, scores, class_ids = boxes[inside], scores[inside], class_ids[inside]
    return {"boxes": numbers(boxes), "scores": numbers(scores), "classIds": class_ids.tolist()}


def raw_detections(generator, head, classes, size, strides):
    """Raw output with a few crowded places, some of which reach beyond the input."""
    cells = [(x, y, s) for s in strides for y in range(size[1] // s) for x in range(size[0] // s)]
    anchors = len(cells)
    scores = generator.uniform(0, 0.2, (anchors, classes))
    center = generator.uniform(0, 1, (anchors, 2)) * size
    extent = generator.uniform(3, 20, (anchors, 2))
    for anchor in generator.permutation(anchors)[: anchors * 2 // 3]:
        place = generator.integers(4)
        center[anchor] = np.array([[14, 20], [40, 22], [30, 44], [56, 40]])[place] + generator.normal(0, 1.5, 2)
        extent[anchor] = np.array([[18, 22], [14, 14], [26, 12], [22, 30]])[place] * generator.uniform(0.85, 1.15, 2)
        scores[anchor, generator.integers(2) + place] = generator.uniform(0.1, 0.95)
    if head == "yolox":
        grid = np.array([[x, y] for x, y, _ in cells])
        stride = np.array([[s] for _, _, s in cells])
        objectness = generator.uniform(0.5, 1, (anchors, 1))
        output = np.concatenate([center / stride - grid, np.log(extent / stride), objectness, scores], 1)
    else:
        output = np.concatenate([center, extent, scores], 1)
        output = output.T if head == "yolov8" else output
    return np.round(output, 4).astype(np.float32)


def detection_cases():
    size, strides = (64, 64), [8, 16, 32]
    wide, tall = letterbox((200, 113), size), letterbox((37, 90), size)
    stretch = placement((160, 90), size, size)
    rows = [
        ("yolov8", wide, {}),
        ("yolov8", tall, {"classAgnostic": True}),
        ("yolov8", stretch, {"iouThreshold": 0.7, "classFilter": [1, 3]}),
        ("yolov8", wide, {"maxDetections": 3, "scoreThreshold": 0.5}),
        ("yolov8-transposed", tall, {"scoreThreshold": 0.1}),
        ("yolov8-transposed", wide, {"classAgnostic": True, "iouThreshold": 0.3}),
        ("yolox", letterbox((90, 70), size), {}),
        ("yolox", wide, {"iouThreshold": 0.65, "scoreThreshold": 0.3}),
    ]
    for seed, (head, place, changes) in enumerate(rows):
        generator = np.random.default_rng(seed)
        output = raw_detections(generator, head, 5, size, strides)
        spec = {
            "head": head,
            "classes": 5,
            "anchors": 84,
            "strides": strides if head == "yolox" else [],
            "scoreThreshold": 0.25,
            "iouThreshold": 0.45,
            "maxDetections": 300,
            "classAgnostic": False,
            "classFilter": [],
        } | changes
        expected = detect(output, spec, place)
        assert len(expected["scores"]) >= 2
        yield {"spec": spec, "placement": place, "output": numbers(output), "expected": expected}


# Masks


def visible(place, width, height):
    """The part of a map of `width` x `height` that shows the picture: slices of rows and columns."""
    slices = []
    for axis, points in (("Y", height), ("X", width)):
        size = place["inputHeight" if axis == "Y" else "inputWidth"]
        source = place["sourceHeight" if axis == "Y" else "sourceWidth"]
        start = place["offset" + axis] * points / size
        stop = start + source * place["scale" + axis] * points / size
        assert abs(start - round(start)) < 1e-9 and abs(stop - round(stop)) < 1e-9, "a part must hold whole points"
        slices.append(slice(round(start), round(stop)))
    return slices


def mask_of(scores, spec, place):
    """`scores`: [C, H, W], or [H, W, C] by the layout."""
    maps = scores if spec["layout"] == "nchw" else scores.transpose(2, 0, 1)
    if spec["activation"] == "sigmoid":
        maps = 1 / (1 + np.exp(-maps))
    rows, columns = visible(place, spec["width"], spec["height"])
    size = (place["sourceWidth"], place["sourceHeight"])
    maps = [cv2.resize(np.ascontiguousarray(m[rows, columns]), size, interpolation=cv2.INTER_LINEAR) for m in maps]
    if spec["channels"] == 1:
        maps = [np.full_like(maps[0], spec["threshold"]), maps[0]]
    ranked = np.sort(maps, 0)
    assert (ranked[-1] - ranked[-2]).min() > 1e-6, "rounding alone would decide a pixel: choose another seed"
    return np.argmax(maps, 0).astype(np.uint8)


def mask_cases():
    rows = [
        ("nchw", 4, (16, 12), letterbox((83, 62), (64, 48)), {}),
        ("nhwc", 4, (16, 16), letterbox((120, 60), (64, 64)), {}),
        ("nchw", 3, (20, 20), letterbox((30, 60), (40, 40)), {}),
        ("nchw", 2, (32, 32), placement((70, 51), (32, 32), (32, 32)), {}),
        ("nchw", 1, (16, 16), placement((64, 40), (64, 64), (64, 64)), {"activation": "sigmoid"}),
        ("nhwc", 1, (20, 20), letterbox((60, 30), (40, 40)), {"threshold": 0.3}),
        ("nchw", 3, (24, 24), placement((11, 9), (24, 24), (24, 24)), {}),
    ]
    for seed, (layout, channels, (width, height), place, changes) in enumerate(rows):
        generator = np.random.default_rng(100 + seed)
        scores = np.stack(
            [cv2.GaussianBlur(generator.normal(0, 4, (height, width)), (0, 0), 1.5) for _ in range(channels)]
        )
        scores = np.round(scores, 5).astype(np.float32)
        scores = scores if layout == "nchw" else scores.transpose(1, 2, 0)
        spec = {
            "channels": channels,
            "height": height,
            "width": width,
            "layout": layout,
            "activation": "none",
            "threshold": 0.5,
        } | changes
        mask = mask_of(scores, spec, place)
        assert len(np.unique(mask)) == max(channels, 2)
        expected = ["".join(map(str, row)) for row in mask.tolist()]
        yield {"spec": spec, "placement": place, "output": numbers(scores), "expected": expected}


# Classification


def classification_cases():
    for seed, activation in enumerate(["none", "softmax", "sigmoid"]):
        logits = np.round(np.random.default_rng(200 + seed).normal(0, 6, 40), 3).astype(np.float32)
        exact = logits.astype(np.float64)
        scores = {
            "none": exact,
            "softmax": np.exp(exact - exact.max()) / np.exp(exact - exact.max()).sum(),
            "sigmoid": 1 / (1 + np.exp(-exact)),
        }[activation]
        best = np.argsort(-logits, kind="stable")[:5]
        yield {
            "activation": activation,
            "k": 5,
            "output": numbers(logits),
            "expected": {"classIds": best.tolist(), "scores": numbers(scores[best].astype(np.float32))},
        }


def numbers(values):
    """The shortest decimals that read back as the same float32."""
    return [float(str(np.float32(value))) for value in np.asarray(values).reshape(-1)]


def main():
    FOLDER.mkdir(parents=True, exist_ok=True)
    for name, cases in (
        ("detection", detection_cases()),
        ("masks", mask_cases()),
        ("classification", classification_cases()),
    ):
        path = FOLDER / f"{name}.json"
        lines = ",\n".join(json.dumps(case, separators=(",", ":")) for case in cases)
        path.write_text('{"cases":[\n' + lines + "\n]}\n")
        print(f"{path.name}: {path.stat().st_size} bytes")


if __name__ == "__main__":
    main()
