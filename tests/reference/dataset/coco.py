"""What pycocotools makes of a COCO file and of masks.

    python3 -m venv build/reference-dataset && build/reference-dataset/bin/pip install -r tests/reference/dataset/requirements.txt
    build/reference-dataset/bin/python tests/reference/dataset/coco.py

Writes ../fixtures/dataset/coco.json: `document`, a COCO file made from a seed; `loaded`, its categories, pictures and annotations as pycocotools
indexes them; `runs`, masks in both of its encodings.
"""

import contextlib
import io
import json
import tempfile
from pathlib import Path

import numpy as np
from pycocotools import mask as masks
from pycocotools.coco import COCO

FIXTURE = Path(__file__).resolve().parents[1] / "fixtures" / "dataset" / "coco.json"
SIZES = ((1, 1), (1, 40), (40, 1), (7, 5), (64, 48), (333, 500), (1080, 1920))


def blob(random: np.random.Generator, height: int, width: int) -> np.ndarray:
    """A few ellipses, or noise: long runs, and short ones."""
    if random.random() < 0.3 and height * width < 5000:
        return random.random((height, width)) < 0.4
    y, x = np.mgrid[:height, :width]
    found = np.zeros((height, width), bool)
    for _ in range(random.integers(0, 4)):
        center_y, center_x = random.random(2) * (height, width)
        radius_y, radius_x = 1 + random.random(2) * (height, width) / 3
        found |= ((y - center_y) / radius_y) ** 2 + ((x - center_x) / radius_x) ** 2 < 1
    return found


def runs_of(mask: np.ndarray) -> list[int]:
    """Lengths of 0 and 1 in turn, column by column."""
    flat = mask.T.ravel().astype(int)
    ends = np.flatnonzero(np.diff(flat)) + 1
    lengths = np.diff(np.concatenate(([0], ends, [flat.size]))).tolist()
    return lengths if flat[0] == 0 else [0, *lengths]


def encoded(mask: np.ndarray) -> dict:
    compressed = masks.encode(np.asfortranarray(mask.astype(np.uint8)))
    return {"size": compressed["size"], "counts": compressed["counts"].decode(), "runs": runs_of(mask)}


def make_document(random: np.random.Generator) -> dict:
    categories = [{"id": int(i), "name": f"class {i}"} for i in random.permutation([1, 2, 4, 13, 90])]
    images = [{"id": int(i), "file_name": f"{i}.jpg", "height": 60, "width": 80} for i in random.permutation(100)[:12]]
    annotations = []
    for number in random.permutation(1000)[:60]:
        x, y, width, height = (random.random(4) * (60, 40, 20, 20)).round(2).tolist()
        annotation = {
            "id": int(number),
            "image_id": images[random.integers(10)]["id"],
            "category_id": categories[random.integers(5)]["id"],
            "bbox": [x, y, width, height],
            "area": round(width * height, 3),
            "iscrowd": int(random.random() < 0.2),
        }
        if annotation["iscrowd"]:
            annotation["segmentation"] = {"size": [60, 80], "counts": runs_of(blob(random, 60, 80))}
        elif random.random() < 0.7:
            annotation["segmentation"] = [[x, y, x + width, y, x, y + height]]
        annotations.append(annotation)
    return {"images": images, "annotations": annotations, "categories": categories}


def load(document: dict) -> dict:
    with tempfile.NamedTemporaryFile("w", suffix=".json") as file, contextlib.redirect_stdout(io.StringIO()):
        json.dump(document, file)
        file.flush()
        coco = COCO(file.name)
    by_image = [
        {
            "id": image,
            "annotations": [
                {key: annotation[key] for key in ("id", "category_id", "bbox", "area", "iscrowd")}
                for annotation in coco.loadAnns(coco.getAnnIds(imgIds=[image]))
            ],
        }
        for image in sorted(coco.getImgIds())
    ]
    return {"categories": sorted(coco.getCatIds()), "images": by_image}


def main() -> None:
    random = np.random.default_rng(17)
    document = make_document(random)
    runs = [encoded(blob(random, *size)) for size in SIZES for _ in range(4)]
    FIXTURE.parent.mkdir(parents=True, exist_ok=True)
    FIXTURE.write_text(json.dumps({"document": document, "loaded": load(document), "runs": runs}, separators=(",", ":")) + "\n")


if __name__ == "__main__":
    main()
