"""Writes tests/reference/fixtures/preprocess/: what image processors of transformers, timm and ultralytics make of pictures of noise.

    python preprocess.py      (needs transformers, timm, ultralytics and pillow 12.3, see README.md)

One file for each, an array of cases:
    config    what the processor writes as its JSON file; for ultralytics the metadata that it exports
    width, height   of the picture; its bytes are state >> 24 of the generator of pictures.py, RGB, row after row
    shape     of the input, channels first
    samples   base64 of SAMPLES float32 values, little-endian. Sample i lies at floor(state / 2^32 * length), where `state` starts as 1 and becomes
              (state * 1664525 + 1013904223) mod 2^32 before each sample
"""

import base64
import importlib
import json
import pathlib

import numpy as np
import PIL
import timm.data
from PIL import Image
from ultralytics.data.augment import classify_transforms

FOLDER = pathlib.Path(__file__).resolve().parent / "fixtures" / "preprocess"
SAMPLES = 150
SIZES = [(61, 47), (90, 40), (47, 61), (300, 201)]

HUGGING_FACE = [
    ("vit", "ViT", {}),
    ("vit", "ViT", {"size": 32, "resample": 0}),
    ("vit", "ViT", {"size": {"height": 30, "width": 41}, "resample": 1, "do_rescale": False}),
    ("vit", "ViT", {"size": 32, "do_normalize": False}),
    ("vit", "ViT", {"do_resize": False}),
    ("clip", "CLIP", {}),
    ("clip", "CLIP", {"size": 33, "crop_size": {"height": 24, "width": 27}}),
    ("siglip", "Siglip", {}),
    ("deit", "DeiT", {}),
    ("deit", "DeiT", {"size": 33, "crop_size": 24, "image_mean": [0.485, 0.456, 0.406], "image_std": [0.229, 0.224, 0.225]}),
    ("beit", "Beit", {"size": 40, "crop_size": 40, "do_center_crop": True, "resample": 2}),
    ("bit", "Bit", {"size": {"shortest_edge": 40}, "crop_size": {"height": 33, "width": 33}}),
    ("convnext", "ConvNext", {"size": 32}),
    ("convnext", "ConvNext", {"size": 32, "crop_pct": 0.9}),
    ("convnext", "ConvNext", {}),
    ("levit", "Levit", {"size": 30, "crop_size": 29}),
    ("poolformer", "PoolFormer", {"size": 30, "crop_size": 30, "crop_pct": 0.95}),
    ("mobilevit", "MobileViT", {"size": {"shortest_edge": 40}, "crop_size": {"height": 32, "width": 32}}),
    ("mobilenet_v2", "MobileNetV2", {"size": {"shortest_edge": 41}, "crop_size": {"height": 32, "width": 32}}),
    ("efficientnet", "EfficientNet", {"size": 35}),
    ("efficientnet", "EfficientNet", {"size": 35, "rescale_offset": True, "include_top": False, "rescale_factor": 1 / 127.5}),
    ("detr", "Detr", {"size": {"shortest_edge": 80, "longest_edge": 133}}),
    ("yolos", "Yolos", {"size": {"shortest_edge": 80, "longest_edge": 133}}),
    ("rt_detr", "RTDetr", {"size": {"height": 64, "width": 64}}),
    ("segformer", "Segformer", {"size": {"height": 48, "width": 64}}),
    ("dpt", "DPT", {"size": {"height": 50, "width": 70}, "ensure_multiple_of": 32}),
    ("pvt", "Pvt", {"size": 40}),
    ("blip", "Blip", {"size": {"height": 40, "width": 40}}),
]

IMAGENET = {"mean": [0.485, 0.456, 0.406], "std": [0.229, 0.224, 0.225]}
TIMM = [
    {"input_size": [3, 64, 64], "interpolation": "bicubic", "crop_pct": 0.95, "crop_mode": "center", **IMAGENET},
    {"input_size": [3, 47, 47], "interpolation": "bilinear", "crop_pct": 0.875, "crop_mode": "center", **IMAGENET},
    {"input_size": [3, 64, 64], "crop_pct": 1.0, "crop_mode": "squash", "mean": [0.5, 0.5, 0.5], "std": [0.5, 0.5, 0.5]},
    {"input_size": [3, 64, 64], "interpolation": "bicubic", "crop_pct": 0.9, "crop_mode": "squash", **IMAGENET},
    {"input_size": [3, 64, 48], "interpolation": "lanczos", "crop_pct": 1.0, "crop_mode": "border", **IMAGENET},
]


def generator():
    state = 1
    while True:
        state = (state * 1664525 + 1013904223) % 2**32
        yield state


def noise(width, height):
    states = generator()
    return bytes(next(states) >> 24 for _ in range(width * height * 3))


def case(config, size, values):
    values = np.asarray(values, np.float32)
    flat = values.reshape(-1)
    states = generator()
    samples = [flat[next(states) * flat.size >> 32] for _ in range(SAMPLES)]
    encoded = base64.b64encode(np.array(samples, "<f4").tobytes()).decode()
    return {"config": config, "width": size[0], "height": size[1], "shape": list(values.shape), "samples": encoded}


def write(name, cases):
    FOLDER.mkdir(exist_ok=True)
    (FOLDER / f"{name}.json").write_text("[\n" + ",\n".join(json.dumps(one) for one in cases) + "\n]\n")
    print(name, len(cases))


def main():
    if PIL.__version__.split(".")[0] != "12":
        raise SystemExit(f"Expected pillow 12 but found {PIL.__version__}, which resizes tall pictures in another order.")
    pictures = {size: Image.frombytes("RGB", size, noise(*size)) for size in SIZES}

    cases = []
    for folder, name, options in HUGGING_FACE:
        module = importlib.import_module(f"transformers.models.{folder}.image_processing_pil_{folder}")
        processor = getattr(module, f"{name}ImageProcessorPil")(**options)
        config = json.loads(processor.to_json_string())
        for size, picture in pictures.items():
            cases.append(case(config, size, processor(picture)["pixel_values"][0]))
    write("hugging-face", cases)

    cases = []
    for config in TIMM:
        resolved = timm.data.resolve_data_config(pretrained_cfg=config)
        transform = timm.data.create_transform(**resolved, is_training=False)
        for size, picture in pictures.items():
            cases.append(case({"architecture": "made", "pretrained_cfg": config}, size, transform(picture)))
    write("timm", cases)

    transform = classify_transforms(64)
    metadata = {"author": "Ultralytics", "task": "classify", "imgsz": "[64, 64]"}
    write("ultralytics", [case(metadata, size, transform(picture)) for size, picture in pictures.items()])


if __name__ == "__main__":
    main()
