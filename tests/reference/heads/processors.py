"""Writes processors.json: pixel_values of two small pictures, by the image processors of transformers and the transforms of timm.

    python processors.py

The pictures are made_picture(60, 45) and made_picture(37, 80). By setting: `config`, as preprocessor_config.json (transformers; the classes that
work with Pillow) or the data config (timm) has it, with small sizes, and by picture the shape and the values, float32, deflated. Pictures go in one
by one, so DETR's padding to the largest of a batch does nothing. Pillow is the release of tests/reference/requirements.txt: later ones resize
otherwise.
"""

import json

import numpy as np
import PIL
import timm
import transformers
from PIL import Image
from timm.data import create_transform, resolve_data_config
from timm.models import get_pretrained_cfg
from transformers import (
    BitImageProcessorPil,
    CLIPImageProcessorPil,
    ConvNextImageProcessorPil,
    DetrImageProcessorPil,
    DPTImageProcessorPil,
    RTDetrImageProcessorPil,
    SiglipImageProcessorPil,
    ViTImageProcessorPil,
)

import fixture

PICTURES = [(60, 45), (37, 80)]
SQUARE = {"height": 28, "width": 28}
IMAGENET = {"image_mean": [0.485, 0.456, 0.406], "image_std": [0.229, 0.224, 0.225]}
PROCESSORS = {
    "detr": DetrImageProcessorPil(size={"shortest_edge": 24, "longest_edge": 40}),
    "detr, padded": DetrImageProcessorPil(size={"shortest_edge": 24, "longest_edge": 40}, pad_size={"height": 44, "width": 44}),
    "rtdetr": RTDetrImageProcessorPil(size=SQUARE),
    "clip": CLIPImageProcessorPil(size={"shortest_edge": 28}, crop_size=SQUARE),
    "clip, crop larger than the picture": CLIPImageProcessorPil(size={"shortest_edge": 24}, crop_size=SQUARE),
    "siglip": SiglipImageProcessorPil(size=SQUARE),
    "vit": ViTImageProcessorPil(size=SQUARE),
    "vit, nearest": ViTImageProcessorPil(size=SQUARE, resample=0),
    "vit, lanczos": ViTImageProcessorPil(size=SQUARE, resample=1),
    "dinov2": BitImageProcessorPil(size={"shortest_edge": 36}, crop_size=SQUARE, resample=3, **IMAGENET),
    "convnext": ConvNextImageProcessorPil(size={"shortest_edge": 28}, crop_pct=0.875),
    "dpt": DPTImageProcessorPil(size=SQUARE),
    "depth anything": DPTImageProcessorPil(
        size={"height": 30, "width": 30}, keep_aspect_ratio=True, ensure_multiple_of=14, resample=3, **IMAGENET
    ),
}
TIMM = {
    "timm resnet50": ("resnet50.a1_in1k", {}),
    "timm vit": ("vit_base_patch16_224.augreg_in21k_ft_in1k", {}),
    "timm convnext": ("convnext_tiny.fb_in1k", {}),
    "timm, squash, bilinear": ("resnet50.a1_in1k", {"crop_mode": "squash", "interpolation": "bilinear"}),
    "timm, border": ("resnet50.a1_in1k", {"crop_mode": "border"}),
}


def made_picture(width, height, brightest=256):
    """RGB uint8, pixel(x, y, c) = (x * 7 + y * 13 + c * 29 + x * y) % brightest."""
    y, x, c = np.mgrid[:height, :width, :3]
    return ((x * 7 + y * 13 + c * 29 + x * y) % brightest).astype(np.uint8)


def setting(name, config, process):
    results = []
    for picture in PICTURES:
        values = np.asarray(process(Image.fromarray(made_picture(*picture))), np.float32)
        results.append({"picture": list(picture), "shape": list(values.shape), "values": fixture.deflate(values)})
    return {"name": name, "config": config, "results": results}


def main():
    settings = []
    for name, processor in PROCESSORS.items():
        config = json.loads(json.dumps(processor.to_dict(), sort_keys=True))
        settings.append(setting(name, config, lambda image: processor(image, return_tensors="np")["pixel_values"]))
    for name, (model, changed) in TIMM.items():
        arguments = {"input_size": (3, 28, 28), **changed}
        config = resolve_data_config(arguments, pretrained_cfg=get_pretrained_cfg(model).to_dict())
        transform = create_transform(**config)
        settings.append(setting(name, json.loads(json.dumps(config)), lambda image: transform(image)[None]))
    versions = f"transformers {transformers.__version__}, timm {timm.__version__}, Pillow {PIL.__version__}"
    fixture.write("processors", {"reference": versions, "settings": settings})


if __name__ == "__main__":
    main()
