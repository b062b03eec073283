"""Writes rtdetr_ultralytics.json: what ultralytics' RTDETRPredictor makes of given raw outputs of its RT-DETR export.

    python rtdetr_ultralytics.py

Run with ultralytics 8.3 (requirements-8.3.txt) it writes rtdetr_ultralytics_8_3.json instead. From 8.4 on the export is [1, 300, 6]
(cxcywh, 0 to 1; score; class), before that [1, 300, 4 + C] (cxcywh, 0 to 1; class scores). Either way nothing is suppressed. The predictor
does not clip (nor sort, in 8.4): `expected` is sorted and clipped to the picture here. Pictures are stretched to the input.
"""

import numpy as np
import torch

import fixture
import ultralytics_model

SIZE, CLASSES = 160, 4
LATER = not ultralytics_model.VERSION.startswith("8.3")
CASES = [
    # seed, source, options, queries over the threshold
    (0, (320, 200), fixture.options(), 40),
    (100, (90, 151), fixture.options(scoreThreshold=0.4), 60),
    (200, (SIZE, SIZE), fixture.options(scoreThreshold=0.5), 30),
    (300, (320, 200), fixture.options(scoreThreshold=0.95), 5),
]


def perturbed(network, generator, settings, above):
    threshold = settings["scoreThreshold"]
    boxes = (network[0][:, :4] * np.exp(generator.normal(scale=0.4, size=(300, 4)))).clip(0, 1)
    boxes, logits = fixture.gather(boxes, np.zeros((300, CLASSES)), generator, (0, 0, 1, 1))
    scores = fixture.sigmoid(fixture.spread(logits + network[0][:, 4:5], generator, above, threshold)).astype(np.float32)
    if not fixture.clear_scores(scores, threshold):
        return None
    if threshold == 0.95:
        scores *= np.float32(0.9)
    return boxes.astype(np.float32), scores


def expected(raw, source, settings):
    width, height = source
    result = ultralytics_model.predict("rtdetr", raw, SIZE, source, settings, CLASSES)
    order = result.boxes.conf.argsort(descending=True)
    boxes = result.boxes.xyxy[order].numpy().clip(0, [width, height, width, height])
    return fixture.found(boxes, result.boxes.conf[order], result.boxes.cls[order])


def main():
    model, (network,), record = ultralytics_model.export("rtdetr-l", SIZE, CLASSES)
    cases = []
    for seed, source, settings, above in CASES:
        boxes, scores = fixture.first_clear(lambda generator: perturbed(network, generator, settings, above), seed)
        if LATER:  # the decoder's own choice of the best 300 pairs of query and class
            raw = {"output0": model.model[-1].postprocess(torch.from_numpy(boxes[None]), torch.from_numpy(scores[None])).numpy()}
        else:
            raw = {"output0": np.concatenate([boxes, scores], 1)[None]}
        cases.append(fixture.case(source, settings, raw, expected(raw, source, settings)))
    reference = f"ultralytics {ultralytics_model.VERSION} RTDETRPredictor.postprocess"
    name = "rtdetr_ultralytics" if LATER else "rtdetr_ultralytics_8_3"
    fixture.write(name, {"reference": reference, **record, "cases": cases})


if __name__ == "__main__":
    main()
