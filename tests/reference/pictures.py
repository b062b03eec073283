"""Writes the fixtures of tests/reference/fixtures/pictures: what Pillow and OpenCV make of pictures, in a form small enough to keep.

    python pictures.py [IMAGES]

IMAGES is the folder of the shared test pictures (default: ../shared/images beside the repository). The fixtures hold no picture of it,
only hashes and samples. Deterministic: the same packages (requirements.txt) write the same bytes.

PRESET.json, one per preset of PRESETS below:
    madeWith   versions of the packages
    pictures   by name: a path below IMAGES, or "synthetic/..." below the fixtures' folder
        width, height, channels   of the result (uint8, interleaved, RGB or grey)
        sha256                    of all its bytes, in hex: equal hash, equal picture
        samples                   base64 of SAMPLES pixels, all channels of each, for a difference where hashes differ
Sample i of a picture lies at pixel floor(state / 2^32 * (width * height)), counted along rows, where `state` starts as 1 for each picture
and becomes (state * 1664525 + 1013904223) mod 2^32 before each sample.

synthetic/NAME.jpg with NAME.ppm or NAME.pgm: small JPEGs of every kind, and Pillow's pixels of each. cmyk.jpg: one that the core leaves to
the general decoder.

resample.txt, one case a line: METHOD CHANNELS SOURCE_W SOURCE_H W H HASH, where METHOD is nearest, bilinear, bicubic or lanczos
(Pillow) or opencv (cv2.resize, INTER_LINEAR). The source's bytes are state >> 24 of the same generator; HASH is the 64-bit FNV-1a of the result, in hex.

geometry.txt, one case a line: SOURCE_W SOURCE_H, then RESIZED_W RESIZED_H LEFT TOP for each of a 640 x 640 letterbox as ultralytics
computes it, a 416 x 416 one as YOLOX does, and 256 to 224 and 256 to 288 as torchvision's Resize and CenterCrop do.
"""

import base64
import hashlib
import json
import pathlib
import struct
import sys

import cv2
import numpy as np
import PIL
from PIL import Image, ImageOps

REPOSITORY = pathlib.Path(__file__).resolve().parents[2]
FIXTURES = REPOSITORY / "tests" / "reference" / "fixtures" / "pictures"
SAMPLES = 280
ORIENTATION = 0x0112


def generator():
    """States of the linear congruential generator that the tests repeat."""
    state = 1
    while True:
        state = (state * 1664525 + 1013904223) % 2**32
        yield state


def noise(width, height, channels):
    states = generator()
    values = bytes(next(states) >> 24 for _ in range(width * height * channels))
    return np.frombuffer(values, np.uint8).reshape(height, width, channels)


def fnv1a(data):
    value = 0xCBF29CE484222325
    for byte in data:
        value = ((value ^ byte) * 0x100000001B3) % 2**64
    return value


# Geometry, each in the arithmetic of the library it stands for.


def ultralytics_letterbox(width, height, size):
    gain = min(size / height, size / width)
    resized_width, resized_height = round(width * gain), round(height * gain)
    pad_x, pad_y = (size - resized_width) / 2, (size - resized_height) / 2
    return resized_width, resized_height, round(pad_x - 0.1), round(pad_y - 0.1)


def yolox_letterbox(width, height, size):
    gain = min(size / height, size / width)
    return int(width * gain), int(height * gain), 0, 0


def torchvision_crop(width, height, edge, size):
    shorter, longer = min(width, height), max(width, height)
    resized_longer = int(edge * longer / shorter)
    resized = (edge, resized_longer) if width <= height else (resized_longer, edge)
    # CenterCrop pads where the picture is smaller, then cuts.
    offsets = [(size - side) // 2 if side < size else -round((side - size) / 2.0) for side in resized]
    return *resized, *offsets


# The presets: from a path to a uint8 array, height x width x channels.


def decode(path):
    with Image.open(path) as picture:
        upright = ImageOps.exif_transpose(picture)
        pixels = np.asarray(upright if upright.mode == "L" else upright.convert("RGB"))
    return pixels.reshape(pixels.shape[0], pixels.shape[1], -1)


def letterbox(path, size, plan):
    picture = cv2.imread(str(path), cv2.IMREAD_COLOR)
    height, width = picture.shape[:2]
    resized_width, resized_height, left, top = plan(width, height, size)
    if (resized_width, resized_height) != (width, height):
        picture = cv2.resize(picture, (resized_width, resized_height), interpolation=cv2.INTER_LINEAR)
    canvas = np.full((size, size, 3), 114, np.uint8)
    canvas[top : top + resized_height, left : left + resized_width] = picture[:, :, ::-1]
    return canvas


def shortest_edge_crop(path, resample):
    with Image.open(path) as picture:
        upright = ImageOps.exif_transpose(picture).convert("RGB")
    width, height, left, top = torchvision_crop(*upright.size, 256, 224)
    return np.asarray(upright.resize((width, height), resample).crop((-left, -top, 224 - left, 224 - top)))


PRESETS = {
    "decode": decode,
    "yolo-640": lambda path: letterbox(path, 640, ultralytics_letterbox),
    "yolox-416": lambda path: letterbox(path, 416, yolox_letterbox),
    "imagenet-224": lambda path: shortest_edge_crop(path, Image.Resampling.BILINEAR),
    "imagenet-224-bicubic": lambda path: shortest_edge_crop(path, Image.Resampling.BICUBIC),
}


def summary(pixels):
    height, width, channels = pixels.shape
    flat = np.ascontiguousarray(pixels).reshape(-1, channels)
    states = generator()
    positions = [int(next(states) / 2**32 * (width * height)) for _ in range(SAMPLES)]
    return {
        "width": width,
        "height": height,
        "channels": channels,
        "sha256": hashlib.sha256(flat.tobytes()).hexdigest(),
        "samples": base64.b64encode(flat[positions].tobytes()).decode(),
    }


def exif(orientation, order):
    """An APP1 segment with just the orientation; `order` is struct's "<" or ">"."""
    mark = b"II" if order == "<" else b"MM"
    entry = struct.pack(order + "HHIHH", ORIENTATION, 3, 1, orientation, 0)
    return b"Exif\0\0" + mark + struct.pack(order + "HIH", 42, 8, 1) + entry + struct.pack(order + "I", 0)


def scene(width, height):
    """Smooth colours with edges and some noise: what JPEG is made for, and different in every corner."""
    y, x = np.mgrid[0:height, 0:width].astype(np.float64)
    red = 255 * x / max(width - 1, 1)
    green = 255 * y / max(height - 1, 1)
    blue = 127 + 120 * np.sin((x + 2 * y) / 7)
    pixels = np.stack([red, green, blue], axis=-1)
    pixels[height // 5 : height // 2, width // 6 : width // 3] = (250, 240, 20)
    pixels += noise(width, height, 3).astype(np.float64) / 16 - 8
    return Image.fromarray(np.clip(pixels, 0, 255).astype(np.uint8), "RGB")


def write_synthetic(folder):
    folder.mkdir(parents=True, exist_ok=True)
    options = {f"orientation-{i}": {"exif": exif(i, "<" if i % 2 else ">")} for i in range(1, 9)}
    options |= {
        "subsampled-444": {"subsampling": 0},
        "subsampled-422": {"subsampling": 1},
        "subsampled-420": {"subsampling": 2},
        "progressive": {"progressive": True},
        "restart-markers": {"restart_marker_blocks": 3},
        "low-quality": {"quality": 20},
        "stored-as-rgb": {"keep_rgb": True, "subsampling": 0},
    }
    for name, option in options.items():
        scene(45, 29).save(folder / f"{name}.jpg", **{"quality": 90, **option})
    scene(45, 29).convert("L").save(folder / "grey.jpg", quality=90)
    scene(45, 29).convert("L").save(folder / "grey-orientation-6.jpg", quality=90, exif=exif(6, ">"))
    scene(1, 1).save(folder / "one-pixel.jpg", quality=90)
    scene(17, 1).save(folder / "one-row.jpg", quality=90)
    scene(1, 17).save(folder / "one-column.jpg", quality=90)
    for path in folder.glob("*.jpg"):
        pixels = decode(path)
        suffix = ".pgm" if pixels.shape[2] == 1 else ".ppm"
        Image.fromarray(pixels.squeeze(2) if suffix == ".pgm" else pixels).save(path.with_suffix(suffix))


def write_resample(path):
    sizes = [
        ((1, 1), (5, 7)),
        ((7, 5), (3, 2)),
        ((64, 48), (64, 20)),
        ((64, 48), (30, 48)),
        ((33, 17), (100, 90)),
        ((640, 3), (10, 3)),
        ((1, 300), (4, 20)),
        ((3, 2), (1, 1)),
        ((90, 60), (45, 30)),
        ((250, 187), (149, 112)),
    ]
    modes = {1: "L", 3: "RGB", 4: "RGBX"}  # not RGBA, which Pillow multiplies by alpha first
    filters = {name: Image.Resampling[name.upper()] for name in ("nearest", "bilinear", "bicubic", "lanczos")}
    lines = []
    for channels, mode in modes.items():
        for source, target in sizes:
            pixels = noise(*source, channels)
            picture = Image.frombytes(mode, source, pixels.tobytes())
            results = {name: picture.resize(target, kind).tobytes() for name, kind in filters.items()}
            if channels < 4:  # a model's input has at most three
                results["opencv"] = cv2.resize(pixels, target, interpolation=cv2.INTER_LINEAR).tobytes()
            for name, result in results.items():
                lines.append(f"{name} {channels} {source[0]} {source[1]} {target[0]} {target[1]} {fnv1a(result):016x}")
    path.write_text("\n".join(lines) + "\n")


def write_geometry(path):
    states = generator()
    sizes = [(640, 640), (1920, 1080), (810, 1080), (500, 375), (417, 416), (224, 224), (256, 257), (1, 1)]
    sizes += [(1 + next(states) % 3000, 1 + next(states) % 3000) for _ in range(250)]
    lines = []
    for size in sizes:
        plans = [
            ultralytics_letterbox(*size, 640),
            yolox_letterbox(*size, 416),
            torchvision_crop(*size, 256, 224),
            torchvision_crop(*size, 256, 288),
        ]
        lines.append(" ".join(str(number) for number in (*size, *(number for plan in plans for number in plan))))
    path.write_text("\n".join(lines) + "\n")


def main():
    images = pathlib.Path(sys.argv[1]) if len(sys.argv) > 1 else REPOSITORY.parent / "shared" / "images"
    if not images.is_dir():
        sys.exit(f"There are no pictures: expected the folder {images}. Name another one as the argument.")
    cv2.setNumThreads(1)
    write_synthetic(FIXTURES / "synthetic")
    scene(45, 29).convert("CMYK").save(FIXTURES / "cmyk.jpg", quality=90)
    write_resample(FIXTURES / "resample.txt")
    write_geometry(FIXTURES / "geometry.txt")

    found = [path for path in images.glob("*/*") if path.suffix.lower() in (".jpg", ".jpeg")]
    paths = {path.relative_to(images).as_posix(): path for path in found}
    paths |= {f"synthetic/{path.name}": path for path in (FIXTURES / "synthetic").glob("*.jpg")}
    made_with = {"pillow": PIL.__version__, "opencv": cv2.__version__, "numpy": np.__version__}
    for preset, make in PRESETS.items():
        pictures = {name: summary(make(paths[name])) for name in sorted(paths)}
        (FIXTURES / f"{preset}.json").write_text(
            json.dumps({"madeWith": made_with, "pictures": pictures}, indent=1) + "\n"
        )
        print(f"{preset}: {len(pictures)} pictures")


if __name__ == "__main__":
    main()
