"""Writes detr.json and rtdetr.json: what transformers' image processors make of given raw outputs.

    python transformer_detection.py

Both have logits and pred_boxes [1, Q, 4] (cxcywh, 0 to 1). DETR's logits [1, Q, C + 1] go through softmax, the last class meaning nothing, one
detection a query; RT-DETR's [1, Q, C] go through sigmoid, and the Q best pairs of query and class count. Neither processor sorts for certain,
clips or limits: `expected` is sorted, clipped to the picture and cut at maxDetections here. Pictures are stretched to the input.
"""

import types

import numpy as np
import torch
import transformers
from transformers import (
    DetrConfig,
    DetrForObjectDetection,
    DetrImageProcessor,
    ResNetConfig,
    RTDetrConfig,
    RTDetrForObjectDetection,
    RTDetrImageProcessor,
    RTDetrResNetConfig,
)

import fixture

SIZE, QUERIES, CLASSES = 96, 60, 5
CASES = [
    # seed, source, options, queries over the threshold
    (0, (320, 200), fixture.options(scoreThreshold=0.5), 25),
    (100, (90, 151), fixture.options(scoreThreshold=0.3), 40),
    (200, (SIZE, SIZE), fixture.options(scoreThreshold=0.5, maxDetections=12), 30),
    (300, (320, 200), fixture.options(scoreThreshold=0.98), 5),
]


def detr():
    stages = {"embedding_size": 16, "hidden_sizes": [16, 32, 64, 64], "depths": [1, 1, 1, 1], "layer_type": "basic"}
    return DetrForObjectDetection(
        DetrConfig(
            use_timm_backbone=False,
            use_pretrained_backbone=False,
            backbone_config=ResNetConfig(**stages, out_features=["stage4"]),
            num_labels=CLASSES,
            num_queries=QUERIES,
            d_model=64,
            encoder_layers=1,
            decoder_layers=1,
            encoder_ffn_dim=64,
            decoder_ffn_dim=64,
            encoder_attention_heads=4,
            decoder_attention_heads=4,
        )
    )


def rtdetr():
    stages = {"embedding_size": 16, "hidden_sizes": [16, 32, 64, 64], "depths": [1, 1, 1, 1], "layer_type": "basic"}
    return RTDetrForObjectDetection(
        RTDetrConfig(
            backbone_config=RTDetrResNetConfig(**stages, out_features=["stage2", "stage3", "stage4"]),
            num_labels=CLASSES,
            num_queries=QUERIES,
            d_model=64,
            encoder_hidden_dim=64,
            encoder_in_channels=[32, 64, 64],
            decoder_in_channels=[64, 64, 64],
            encoder_ffn_dim=64,
            decoder_ffn_dim=64,
            decoder_layers=1,
            encoder_attention_heads=4,
            decoder_attention_heads=4,
        )
    )


def perturbed(network, softmax, generator, settings, above):
    threshold = settings["scoreThreshold"]
    boxes = (network["pred_boxes"][0] * np.exp(generator.normal(scale=0.6, size=(QUERIES, 4)))).clip(0, 1)
    boxes, logits = fixture.gather(boxes, network["logits"][0][:, :CLASSES], generator, (0, 0, 1, 1))
    logits = fixture.spread(logits, generator, above, threshold, 2.5)
    if softmax:
        logits = np.concatenate([logits, generator.normal(scale=0.5, size=(QUERIES, 1))], 1)
    logits = logits.astype(np.float32)
    tensor = torch.from_numpy(logits)
    scores = tensor.softmax(-1)[:, :-1] if softmax else tensor.sigmoid()
    if not fixture.clear_scores(scores, threshold):
        return None
    return {"logits": logits[None], "pred_boxes": boxes.astype(np.float32)[None]}


def expected(processor, raw, source, settings):
    width, height = source
    outputs = types.SimpleNamespace(**{name: torch.from_numpy(value) for name, value in raw.items()})
    result = processor.post_process_object_detection(outputs, settings["scoreThreshold"], [(height, width)])[0]
    order = result["scores"].argsort(descending=True)[: settings["maxDetections"]]
    boxes = result["boxes"][order].numpy().clip(0, [width, height, width, height])
    return fixture.found(boxes, result["scores"][order], result["labels"][order])


def record(name, build, processor, softmax):
    torch.manual_seed(0)
    model = build()
    with torch.no_grad():
        for _ in range(5):  # fits the batch normalisations, still in training
            model(torch.rand(4, 3, SIZE, SIZE))
        output = model.eval()(torch.rand(1, 3, SIZE, SIZE))
    network = {"logits": output.logits.numpy(), "pred_boxes": output.pred_boxes.numpy()}
    cases = []
    for seed, source, settings, above in CASES:
        raw = fixture.first_clear(lambda generator: perturbed(network, softmax, generator, settings, above), seed)
        if settings["scoreThreshold"] == 0.98:
            raw["logits"] *= np.float32(0.1)
        cases.append(fixture.case(source, settings, raw, expected(processor, raw, source, settings)))
    fixture.write(
        name,
        {
            "reference": f"transformers {transformers.__version__} {type(processor).__name__}.post_process_object_detection",
            "model": f"{type(model).__name__}, random weights, seed 0, {SIZE} x {SIZE}, {CLASSES} classes, {QUERIES} queries",
            "input": {"name": "pixel_values", "shape": [1, 3, SIZE, SIZE]},
            "outputs": [{"name": key, "shape": list(value.shape)} for key, value in network.items()],
            "metadata": {},
            "options": {},
            "cases": cases,
        },
    )


def main():
    record("detr", detr, DetrImageProcessor(), True)
    record("rtdetr", rtdetr, RTDetrImageProcessor(), False)


if __name__ == "__main__":
    main()
