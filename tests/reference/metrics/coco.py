"""What pycocotools makes of small data sets full of edge cases.

    python3 -m venv build/metrics && build/metrics/bin/pip install -r tests/reference/metrics/coco.requirements.txt
    build/metrics/bin/python tests/reference/metrics/coco.py

writes fixtures/metrics/coco.json.gz:

    thresholds, recalls, sigmas: as pycocotools has them
    compressed: [lengths of runs of a mask of 65535 x 65535, their compressed text]
    polygons: [height, width, [polygon, ...], compressed text of their union]
    cases: { kind, images, categories, truth, found, stats, digests, recalls }

`truth` and `found` are arrays of fields, one entry for each object. `digests` has two numbers for each category, of precision and of scores: the sum over all
entries, in the order [areas, maxDets, thresholds, recalls], of entry * weight(place), so that every entry has a say; `recalls` the same of the recall.
"""

import contextlib
import gzip
import io
import json
import pathlib

import numpy as np
from pycocotools import mask as mask_api
from pycocotools.coco import COCO
from pycocotools.cocoeval import COCOeval, Params

TYPES = {"box": "bbox", "mask": "segm", "keypoints": "keypoints"}
CASES = {"box": 240, "mask": 203, "keypoints": 203}
random = np.random.default_rng(20)


def weights(count):
    return ((np.arange(count, dtype=np.uint64) * 2654435761) % 4096).astype(float) / 4096 + 0.5


def digest(values):
    flat = values.ravel()
    return short(np.dot(flat, weights(len(flat))))


def short(value):
    """Beyond the 1e-9 that the tests allow, digits only take place."""
    return float(f"{value:.12g}")


def make_box(style):
    if style == "edges":  # areas of exactly 32^2 and 96^2, and one pixel beside
        width, height = [(32, 32), (16, 64), (96, 96), (48, 192), (33, 32), (96, 95), (31, 33)][random.integers(7)]
        return [int(random.integers(60)), int(random.integers(60)), width, height]
    if style == "degenerate" and random.random() < 0.4:
        return [int(random.integers(60)), int(random.integers(60)), int(random.integers(2)) * 5, 0]
    if style == "grid":  # overlaps are fractions of small numbers: thresholds are met exactly
        return [int(v) for v in [random.integers(3) * 5, random.integers(3) * 5, (1 + random.integers(4)) * 5, (1 + random.integers(4)) * 5]]
    return [round(float(v), 1) for v in [random.random() * 80, random.random() * 80, 4 + random.random() ** 2 * 150, 4 + random.random() ** 2 * 150]]


def moved(box):
    return [round(float(v + random.normal() * 3), 1) if i < 2 else round(float(v * np.exp(random.normal() * 0.1)), 1) for i, v in enumerate(box)]


def polygon_of(box):
    x, y, w, h = np.round(box)
    corners = [[x, y, x + w, y, x + w, y + h, x, y + h], [x, y, x + w, y + h / 2, x + w / 3, y + h]][random.integers(2)]
    polygons = [[round(float(v), 1) for v in corners]]
    if random.random() < 0.3:
        polygons.append([round(float(v), 1) for v in [x + w, y, x + w + 9, y, x + w + 9, y + 9]])  # touches the first
    return polygons


def rle_of(polygons, height, width):
    mask = mask_api.merge(mask_api.frPyObjects(polygons, height, width))
    return mask["counts"].decode()


def make_keypoints(box):
    x, y, w, h = box
    points = []
    for _ in range(17):
        points += [int(x + random.random() * w), int(y + random.random() * h), int(random.integers(3))]
    return points


def make_case(kind, number):
    style = ["plain", "edges", "degenerate", "grid", "ties", "overflow", "crowds"][number % 7]
    image_count = int(random.integers(1, 6))
    category_count = int(random.integers(1, 4))
    size = [200, 240]
    truth, found = [], []
    most = 130 if style == "overflow" and kind == "box" and number % 2 else 25 if style == "overflow" else 6
    for image in range(image_count):
        for category in range(category_count):
            if random.random() < 0.25:
                continue  # of this category nothing in this picture, so at times nowhere
            boxes = [make_box(style) for _ in range(random.integers(0, 5))]
            for box in boxes:
                crowd = int(random.random() < (0.5 if style == "crowds" else 0.1))
                area = round(box[2] * box[3] * (1 if style == "edges" else 0.7), 2)
                entry = {"image": image, "category": category, "box": box, "area": area, "crowd": crowd}
                if kind == "mask":
                    entry["polygons"] = polygon_of(box)
                if kind == "keypoints":
                    entry["keypoints"] = make_keypoints(box)
                    if random.random() < 0.2:
                        entry["keypoints"][2::3] = [0] * 17
                truth.append(entry)
            count = random.integers(0, most + 1) if random.random() < 0.9 else 0
            for _ in range(count):
                chosen = truth[-1 - random.integers(len(boxes))] if boxes and random.random() < 0.8 else None
                box = chosen["box"] if chosen else make_box(style)
                if chosen and style not in ("grid", "edges") and random.random() < 0.8:
                    box = [max(v, 0) if i > 1 else v for i, v in enumerate(moved(box))]
                score = round(float(random.random()), 1 if style in ("ties", "grid") else 3)
                entry = {"image": image, "category": category, "box": box, "score": score}
                if kind == "mask":
                    entry["counts"] = rle_of(polygon_of(box), *size)
                if kind == "keypoints":
                    base = chosen["keypoints"] if chosen else make_keypoints(box)
                    spread = [0, 1, 5, 30][random.integers(4)]
                    # The third number says nothing of what was found.
                    entry["keypoints"] = [1 if i % 3 == 2 else int(v + random.normal() * spread) for i, v in enumerate(base)]
                found.append(entry)
    order = random.permutation(len(found))
    return image_count, category_count, size, truth, [found[i] for i in order]


def evaluate(kind, image_count, category_count, size, truth, found):
    coco = COCO()
    images = [{"id": i + 1, "height": size[0], "width": size[1]} for i in range(image_count)]
    categories = [{"id": i + 1, "name": str(i)} for i in range(category_count)]
    annotations = []
    for i, entry in enumerate(truth):
        annotation = {"id": i + 1, "image_id": entry["image"] + 1, "category_id": entry["category"] + 1, "bbox": entry["box"]}
        annotation |= {"area": entry["area"], "iscrowd": entry["crowd"]}
        if kind == "mask":
            annotation["segmentation"] = entry["polygons"]
        if kind == "keypoints":
            annotation["keypoints"] = entry["keypoints"]
            annotation["num_keypoints"] = int(np.count_nonzero(entry["keypoints"][2::3]))
        annotations.append(annotation)
    coco.dataset = {"images": images, "categories": categories, "annotations": annotations}
    coco.createIndex()
    results = []
    for entry in found:
        result = {"image_id": entry["image"] + 1, "category_id": entry["category"] + 1, "score": entry["score"]}
        if kind == "box":
            result["bbox"] = entry["box"]
        if kind == "mask":
            result["segmentation"] = {"size": size, "counts": entry["counts"]}
        if kind == "keypoints":
            result["keypoints"] = entry["keypoints"]
        results.append(result)
    if results:
        detections = coco.loadRes(results)
    else:  # loadRes looks at the first
        detections = COCO()
        detections.dataset = {"images": images, "categories": categories, "annotations": []}
        detections.createIndex()
    evaluation = COCOeval(coco, detections, TYPES[kind])
    evaluation.evaluate()
    evaluation.accumulate()
    evaluation.summarize()
    # [T, R, K, A, M] to [K, A, M, T, R]
    precision = evaluation.eval["precision"].transpose(2, 3, 4, 0, 1)
    scores = evaluation.eval["scores"].transpose(2, 3, 4, 0, 1)
    recall = evaluation.eval["recall"].transpose(1, 2, 3, 0)
    return {
        "stats": [short(v) for v in evaluation.stats],
        "digests": [[digest(p), digest(s)] for p, s in zip(precision, scores)],
        "recalls": [digest(r) for r in recall],
    }


def compress():
    counts = [0, 5, 70_000, 3, 2, 4_000_000_000, 1, 294_766_214]
    return [counts, mask_api.frPyObjects({"size": [65535, 65535], "counts": counts}, 65535, 65535)["counts"].decode()]


def columns(entries, *names):
    return {name: [entry[name] for entry in entries] for name in names}


def make_cases():
    cases = []
    for kind, count in CASES.items():
        extra = {"box": [], "mask": ["polygons"], "keypoints": ["keypoints"]}[kind]
        for number in range(count):
            image_count, category_count, size, truth, found = make_case(kind, number)
            answer = evaluate(kind, image_count, category_count, size, truth, found)
            found_fields = {"box": ["box"], "mask": ["counts"], "keypoints": ["keypoints"]}[kind]
            cases.append({
                "kind": kind, "images": image_count, "categories": category_count, "size": size,
                "truth": columns(truth, "image", "category", "box", "area", "crowd", *extra),
                "found": columns(found, "image", "category", "score", *found_fields),
                **answer,
            })
    return cases


def make_polygons():
    cases = []
    for number in range(400):
        height, width = int(random.integers(1, 60)), int(random.integers(1, 60))
        polygons = []
        for _ in range(random.integers(1, 4)):
            points = random.random((random.integers(3, 9), 2)) * [width * 1.6, height * 1.6] - [width * 0.3, height * 0.3]
            if number % 4 == 1:
                points = np.round(points)
            if number % 4 == 2:
                points = np.round(points * 2) / 2
            if number % 4 == 3:
                points[1] = points[0]  # an edge without length
            polygons.append([round(float(v), 2) for v in points.ravel()])
        cases.append([height, width, polygons, rle_of(polygons, height, width)])
    return cases


with contextlib.redirect_stdout(io.StringIO()):
    document = {
        "thresholds": [float(v) for v in Params("bbox").iouThrs],
        "recalls": [float(v) for v in Params("bbox").recThrs],
        "sigmas": [float(v) for v in Params("keypoints").kpt_oks_sigmas],
        "compressed": compress(),
        "polygons": make_polygons(),
        "cases": make_cases(),
    }
folder = pathlib.Path(__file__).parent.parent / "fixtures" / "metrics"
folder.mkdir(parents=True, exist_ok=True)
text = json.dumps(document, separators=(",", ":")).encode()
(folder / "coco.json.gz").write_bytes(gzip.compress(text, mtime=0))
