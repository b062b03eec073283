"""The labels of the example pictures as data sets that `openDataset` reads; needs nothing but Python.

    python3 scripts/train/label_files.py [FOLDER]    # reads labels.json there, examples/pictures by default

detect.json is COCO, classify.csv a CSV of classes; classes.txt names the indices of the masks (picture-mask.png beside each).
"""

import csv
import json
import sys
from pathlib import Path

EXAMPLES = Path(__file__).resolve().parents[2] / "examples" / "pictures"


def _coco(classes: list[str], pictures: list[dict]) -> dict:
    annotations = []
    for image_id, picture in enumerate(pictures, 1):
        for item in picture["objects"]:
            left, top, right, bottom = item["box"]
            width, height = round(right - left, 2), round(bottom - top, 2)
            annotations.append(
                {
                    "id": len(annotations) + 1,
                    "image_id": image_id,
                    "category_id": classes.index(item["label"]) + 1,
                    "bbox": [left, top, width, height],
                    "area": round(width * height, 2),
                    "iscrowd": 0,
                }
            )
    images = [
        {"id": image_id, "file_name": picture["file"], "width": picture["width"], "height": picture["height"]}
        for image_id, picture in enumerate(pictures, 1)
    ]
    categories = [{"id": index, "name": name} for index, name in enumerate(classes, 1)]
    return {"images": images, "annotations": annotations, "categories": categories}


def _lines(document: dict) -> str:
    """JSON with one element in a line: fit to be read, and for errors that tell lines."""
    lists = [f'"{key}": [\n' + ",\n".join(json.dumps(element) for element in value) + "\n]" for key, value in document.items()]
    return "{\n" + ",\n".join(lists) + "\n}\n"


def write_label_files(folder: Path) -> None:
    labels = json.loads((folder / "labels.json").read_text())
    of_task = {task: [p for p in labels["pictures"] if p["task"] == task] for task in ("detect", "classify")}
    (folder / "detect.json").write_text(_lines(_coco(labels["classes"], of_task["detect"])))
    with (folder / "classify.csv").open("w", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(["image", "label"])
        writer.writerows([picture["file"], picture["label"]] for picture in of_task["classify"])
    (folder / "classes.txt").write_text("".join(f"{name}\n" for name in ["background", *labels["classes"]]))


if __name__ == "__main__":
    write_label_files(Path(sys.argv[1]) if len(sys.argv) > 1 else EXAMPLES)
