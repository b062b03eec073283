"""The labelled example pictures, drawn from a seed range of their own."""

import json
from dataclasses import dataclass, replace
from pathlib import Path

from PIL import Image

import dataset
from dataset import Scene, Split, Style
from shapes import CLASS_NAMES

JPEG_QUALITY = 90


@dataclass(frozen=True)
class Picture:
    file: str
    task: str
    index: int
    """Scene number in Split.PICTURES, chosen by eye"""
    width: int
    height: int
    style: Style


def _clean(style: Style) -> Style:
    """Fit to be looked at, and small as a file."""
    return replace(style, noise=(0.0, 0.012), blur=0.0, low_contrast=0.0)


_DETECT = _clean(replace(dataset.DETECT, count=(7, 9), diameter=(0.1, 0.34)))
_CLASSIFY = _clean(replace(dataset.CLASSIFY, diameter=(0.45, 0.85), occluders=(0, 1)))
_SEGMENT = _clean(replace(dataset.SEGMENT, count=(3, 5)))

PICTURES = (
    Picture("shapes-1280x720.jpg", "detect", 63, 1280, 720, _DETECT),
    Picture("shapes-640x480.jpg", "detect", 29, 640, 480, _DETECT),
    Picture("shapes-500x700.jpg", "detect", 50, 500, 700, _DETECT),
    Picture("shapes-480x360.png", "detect", 26, 480, 360, _DETECT),
    Picture("circle.jpg", "classify", 113, 320, 240, _CLASSIFY),
    Picture("square.jpg", "classify", 156, 240, 320, _CLASSIFY),
    Picture("triangle.jpg", "classify", 125, 300, 300, _CLASSIFY),
    Picture("star.jpg", "classify", 130, 200, 260, _CLASSIFY),
    Picture("ring.jpg", "classify", 122, 256, 192, _CLASSIFY),
    Picture("cross.jpg", "classify", 116, 160, 120, _CLASSIFY),
    Picture("segment-320x320.jpg", "segment", 209, 320, 320, _SEGMENT),
    Picture("segment-400x300.jpg", "segment", 201, 400, 300, _SEGMENT),
    Picture("segment-256x256.png", "segment", 204, 256, 256, _SEGMENT),
)


def draw(picture: Picture) -> Scene:
    unit = min(picture.width, picture.height) if picture.task == "classify" else max(picture.width, picture.height)
    return dataset.scene(Split.PICTURES, picture.index, picture.width, picture.height, unit, picture.style)


def write_pictures(folder: Path) -> None:
    """Pictures, class-index masks (0 is background, k + 1 is class k) and labels.json."""
    labels = []
    for picture in PICTURES:
        scene = draw(picture)
        image = Image.fromarray(scene.image)
        if picture.file.endswith(".jpg"):
            image.save(folder / picture.file, quality=JPEG_QUALITY, optimize=True)
        else:
            image.save(folder / picture.file, optimize=True)
        entry: dict[str, object] = {"file": picture.file, "task": picture.task, "width": picture.width, "height": picture.height}
        names = [CLASS_NAMES[c] for c in scene.classes]
        if picture.task == "classify":
            if names != [Path(picture.file).stem]:
                raise ValueError(f"{picture.file}: expected the class its name says, got {names}; pick another scene number")
            entry["label"] = names[0]
        else:
            boxes = [[round(float(v), 2) for v in box] for box in scene.boxes]
            entry["objects"] = [{"label": name, "box": box} for name, box in zip(names, boxes, strict=True)]
        if picture.task == "segment":
            mask = f"{Path(picture.file).stem}-mask.png"
            Image.fromarray(scene.class_map).save(folder / mask, optimize=True)
            entry["mask"] = mask
        labels.append(entry)
    content = {"classes": list(CLASS_NAMES), "boxFormat": "xyxy, pixels", "pictures": labels}
    (folder / "labels.json").write_text(json.dumps(content, indent=2) + "\n")
