"""Writes the fixtures of tests/reference/fixtures/reduced: what Pillow's draft mode makes of JPEGs.

    python reduced.py

The pictures are made here, from a formula. Deterministic: the same packages (requirements.txt) write the same bytes.

NAME.jpg        the pictures
reduced.json    a list of { picture, width, height, factor, interpolation, pixels }: the picture, decoded at 1/factor, upright, resized to
                width x height; pixels is base64 of RGB. interpolation: none where that is its size already, else bilinear (Pillow's)
"""

import base64
import json
import pathlib

import numpy as np
from PIL import Image, ImageOps

FIXTURES = pathlib.Path(__file__).resolve().parent / "fixtures" / "reduced"
ORIENTATION = 0x0112


def scene(width, height):
    """Smooth colours and a few edges, different in every corner."""
    y, x = np.mgrid[0:height, 0:width].astype(np.float64)
    red = 255 * x / (width - 1)
    green = 255 * y / (height - 1)
    blue = 127 + 120 * np.sin((x + 2 * y) / 17)
    pixels = np.stack([red, green, blue], axis=-1)
    pixels[height // 5 : height // 2, width // 6 : width // 3] = (250, 240, 20)
    return Image.fromarray(np.clip(pixels, 0, 255).astype(np.uint8), "RGB")


def turned(orientation):
    exif = Image.Exif()
    exif[ORIENTATION] = orientation
    return exif


def write_pictures():
    even, odd = scene(200, 144), scene(203, 149)
    even.save(FIXTURES / "even.jpg", quality=85, subsampling=2)
    even.save(FIXTURES / "full-chroma.jpg", quality=85, subsampling=0)
    even.save(FIXTURES / "progressive.jpg", quality=85, progressive=True)
    even.convert("L").save(FIXTURES / "grey.jpg", quality=85)
    even.convert("CMYK").save(FIXTURES / "cmyk.jpg", quality=85)
    for orientation in range(1, 9):
        odd.save(FIXTURES / f"odd-{orientation}.jpg", quality=85, subsampling=2, exif=turned(orientation))


def read(path, width, height, resample):
    picture = Image.open(path)
    stored = (height, width) if picture.getexif().get(ORIENTATION, 1) >= 5 else (width, height)
    whole = picture.size
    picture.draft(None, stored)
    factor = max(f for f in (1, 2, 4, 8) if f * stored[0] <= whole[0] and f * stored[1] <= whole[1])
    assert picture.size == tuple(-(-side // factor) for side in whole)
    upright = ImageOps.exif_transpose(picture).convert("RGB")
    resized = upright if upright.size == (width, height) else upright.resize((width, height), resample)
    return {
        "picture": path.name,
        "width": width,
        "height": height,
        "factor": factor,
        "interpolation": "none" if resized is upright else "bilinear",
        "pixels": base64.b64encode(resized.tobytes()).decode(),
    }


def main():
    FIXTURES.mkdir(parents=True, exist_ok=True)
    write_pictures()
    cases = []
    for name in ("even", "full-chroma", "progressive", "grey", "cmyk"):
        for factor in (2, 4, 8):
            cases.append(read(FIXTURES / f"{name}.jpg", 200 // factor, 144 // factor, Image.Resampling.BILINEAR))
    for orientation in range(1, 9):
        sides = (14, 20) if orientation >= 5 else (20, 14)
        cases.append(read(FIXTURES / f"odd-{orientation}.jpg", *sides, Image.Resampling.BILINEAR))
    for sides in ((101, 74), (102, 74), (101, 75), (50, 37), (25, 18), (26, 18), (203, 20)):
        cases.append(read(FIXTURES / "odd-1.jpg", *sides, Image.Resampling.BILINEAR))
    (FIXTURES / "reduced.json").write_text(json.dumps(cases, indent=1) + "\n")
    print(f"{len(cases)} cases")


if __name__ == "__main__":
    main()
