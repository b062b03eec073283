"""Writes depth.json: what transformers' DPTImageProcessor makes of given raw outputs of a depth model.

    python depth.py

predicted_depth is [1, H, W]; it is resized to the picture bicubically (torch: a = -0.75, half-pixel centres, no antialiasing, not clamped).
Depth Anything has the same processor. `expected.map` is float32 by row, deflated.
"""

import types

import numpy as np
import torch
import transformers
from transformers import DepthAnythingConfig, DepthAnythingForDepthEstimation, Dinov2Config, DPTImageProcessor

import fixture

SIZE = 56
SOURCES = [(90, 61), (41, 70), (SIZE, SIZE), (20, 14)]


def network():
    torch.manual_seed(0)
    shape = {"hidden_size": 32, "num_attention_heads": 2, "num_hidden_layers": 4, "intermediate_size": 64, "image_size": SIZE}
    backbone = Dinov2Config(**shape, out_features=[f"stage{index}" for index in range(1, 5)], reshape_hidden_states=False)
    return DepthAnythingForDepthEstimation(
        DepthAnythingConfig(
            backbone_config=backbone,
            reassemble_hidden_size=32,
            patch_size=14,
            neck_hidden_sizes=[8, 16, 32, 32],
            fusion_hidden_size=16,
            head_hidden_size=8,
        )
    ).eval()


def main():
    model, processor, cases = network(), DPTImageProcessor(), []
    for index, (width, height) in enumerate(SOURCES):
        with torch.no_grad():
            said = model(torch.rand(1, 3, SIZE, SIZE)).predicted_depth
        noise = np.random.default_rng(index).normal(size=said.shape)
        depth = fixture.coarse(said.numpy() / max(float(said.std()), 1e-6) + noise, 1 / 64)
        outputs = types.SimpleNamespace(predicted_depth=torch.from_numpy(depth))
        result = processor.post_process_depth_estimation(outputs, [(height, width)])[0]["predicted_depth"]
        raw = {"predicted_depth": fixture.deflate(depth)}
        cases.append({"source": [width, height], "raw": raw, "expected": {"map": fixture.deflate(result)}})
    fixture.write(
        "depth",
        {
            "reference": f"transformers {transformers.__version__} DPTImageProcessor.post_process_depth_estimation",
            "model": f"DepthAnythingForDepthEstimation, random weights, seed 0, {SIZE} x {SIZE}, with noise",
            "input": {"name": "pixel_values", "shape": [1, 3, SIZE, SIZE]},
            "outputs": [{"name": "predicted_depth", "shape": list(depth.shape)}],
            "metadata": {},
            "options": {},
            "cases": cases,
        },
    )


if __name__ == "__main__":
    main()
