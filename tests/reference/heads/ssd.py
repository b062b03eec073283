"""Writes ssd.json: what torchvision's SSD makes of given raw outputs of its own head.

    python ssd.py

cls_logits is [1, A, C] before softmax, class 0 the background, bbox_regression [1, A, 4] offsets from the default boxes. Each class is read by
itself: a default box can give several detections. The package clips boxes to the input before suppression. Class ids count the background.
Pictures are stretched to the input. The fixture's `priors` holds the default boxes (cx, cy, w, h; 0 to 1) that `options.priors` describes:
cell by cell, row by row, all sizes of a cell together. `maxDetections` is the package's detections_per_img.
"""

import warnings

import numpy as np
import torch
import torchvision
from torchvision.models.detection.anchor_utils import DefaultBoxGenerator
from torchvision.models.detection.image_list import ImageList
from torchvision.models.detection.ssd import SSD

import fixture

SIZE, CLASSES = 96, 5  # the background among the classes
STRIDES, RATIOS = [8, 16, 32], [[2], [2, 3], [2]]
CASES = [
    # seed, source, options, default boxes over the threshold
    (0, (320, 200), fixture.options(scoreThreshold=0.4), 60),
    (100, (90, 151), fixture.options(scoreThreshold=0.3, iouThreshold=0.6), 60),
    (200, (SIZE, SIZE), fixture.options(scoreThreshold=0.5, iouThreshold=0.55, maxDetections=12), 80),
    (300, (320, 200), fixture.options(scoreThreshold=0.95), 5),
]


class Backbone(torch.nn.Module):
    """Three maps, at a stride of 8, 16 and 32."""

    out_channels = [16, 16, 16]

    def __init__(self):
        super().__init__()
        self.stem = torch.nn.Conv2d(3, 16, 8, stride=8)
        self.down = torch.nn.ModuleList(torch.nn.Conv2d(16, 16, 2, stride=2) for _ in range(2))

    def forward(self, images):
        maps = [self.stem(images)]
        for layer in self.down:
            maps.append(layer(maps[-1].relu()))
        return {str(index): each for index, each in enumerate(maps)}


def build():
    torch.manual_seed(0)
    return SSD(Backbone(), DefaultBoxGenerator(RATIOS, steps=STRIDES), (SIZE, SIZE), CLASSES).eval()


def run(model):
    """What the head says of a seeded image, and its default boxes (xyxy, pixels of the input)."""
    images = torch.rand(1, 3, SIZE, SIZE)
    maps = list(model.backbone(images).values())
    head = model.head(maps)
    return head, model.anchor_generator(ImageList(images, [(SIZE, SIZE)]), maps)[0]


def made(model, head, anchors, generator, settings, above):
    threshold = settings["scoreThreshold"]
    centres = torchvision.ops.box_convert(anchors, "xyxy", "cxcywh").numpy()
    logits = head["cls_logits"][0].detach().numpy()
    boxes, logits = fixture.gather(centres, logits[:, 1:], generator, (0, 0, SIZE, SIZE))
    # Offsets of a plausible size only: a small default box cannot mean a large object far off.
    offsets = model.box_coder.encode_single(torch.from_numpy(fixture.corners(boxes)).float(), anchors).numpy()
    offsets = np.where(np.abs(offsets).max(1, keepdims=True) < 12, offsets, generator.normal(size=offsets.shape))
    offsets = fixture.coarse(offsets + head["bbox_regression"][0].detach().numpy(), 1 / 256)
    logits = fixture.spread(logits, generator, above, threshold, 2.0)
    logits = np.concatenate([generator.normal(scale=0.3, size=(len(logits), 1)), logits], 1).astype(np.float32)
    if threshold == 0.95:
        logits *= np.float32(0.3)
    scores = torch.from_numpy(logits).softmax(-1)[:, 1:]
    decoded = torchvision.ops.clip_boxes_to_image(model.box_coder.decode_single(torch.from_numpy(offsets), anchors), (SIZE, SIZE))
    rows, classes = np.nonzero(scores.numpy() > threshold)
    clear = fixture.clear_scores(scores, threshold) and fixture.clear_overlaps(decoded[rows], classes, settings["iouThreshold"], False)
    return {"cls_logits": logits[None], "bbox_regression": offsets[None]} if clear else None


def expected(model, raw, anchors, source, settings):
    model.score_thresh, model.nms_thresh = settings["scoreThreshold"], settings["iouThreshold"]
    model.detections_per_img = settings["maxDetections"]
    outputs = {name: torch.from_numpy(value) for name, value in raw.items()}
    detections = model.postprocess_detections(outputs, [anchors], [(SIZE, SIZE)])
    result = model.transform.postprocess(detections, [(SIZE, SIZE)], [(source[1], source[0])])[0]
    return fixture.found(result["boxes"], result["scores"], result["labels"])


def main():
    warnings.simplefilter("ignore")
    model = build()
    with torch.no_grad():
        head, anchors = run(model)
        cases = []
        for seed, source, settings, above in CASES:
            raw = fixture.first_clear(lambda generator: made(model, head, anchors, generator, settings, above), seed)
            cases.append(fixture.case(source, settings, raw, expected(model, raw, anchors, source, settings)))
    sizes = [fixture.rounded(pairs.clamp(max=1) * SIZE, 6) for pairs in model.anchor_generator._wh_pairs]
    priors = {
        "levels": [{"stride": [stride, stride], "sizes": pairs} for stride, pairs in zip(STRIDES, sizes)],
        "variances": [0.1, 0.2],  # the box coder's weights are (10, 10, 5, 5)
    }
    fixture.write(
        "ssd",
        {
            "reference": f"torchvision {torchvision.__version__.split('+')[0]} SSD.postprocess_detections",
            "model": f"SSD on three maps, random weights, seed 0, {SIZE} x {SIZE}, {CLASSES} classes with the background",
            "input": {"name": "images", "shape": [1, 3, SIZE, SIZE]},
            "outputs": [{"name": name, "shape": list(value.shape)} for name, value in raw.items()],
            "metadata": {},
            "options": {"head": "ssd", "scores": "logits", "priors": priors},
            "priors": fixture.deflate(torchvision.ops.box_convert(anchors, "xyxy", "cxcywh") / SIZE),
            "cases": cases,
        },
    )


if __name__ == "__main__":
    main()
