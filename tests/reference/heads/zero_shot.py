"""Writes zero_shot.json: what transformers' CLIPModel and SiglipModel make of images and texts, tiny and with random weights.

    python zero_shot.py

By family: `imageFeatures` and `textFeatures` as projected (get_image_features, get_text_features), `image_embeds` and `text_embeds` as the model
gives them (divided by their length), each [n, size], deflated float32; `logit_scale` (its exponential multiplies the cosines) and, with SigLIP,
`logit_bias` (added after); `logits_per_image`, and `probabilities` by image: softmax over the texts with CLIP, sigmoid of each with SigLIP.
"""

import torch
import transformers
from transformers import CLIPConfig, CLIPModel, SiglipConfig, SiglipModel

import fixture

IMAGES, TEXTS, SIZE = 4, 6, 32
VISION = {"hidden_size": 32, "intermediate_size": 64, "num_hidden_layers": 2, "num_attention_heads": 2, "image_size": 32, "patch_size": 8}
TEXT = {
    "vocab_size": 99,
    "hidden_size": 32,
    "intermediate_size": 64,
    "num_hidden_layers": 2,
    "num_attention_heads": 2,
    "max_position_embeddings": 16,
    "bos_token_id": 97,
    "eos_token_id": 98,
    "pad_token_id": 1,
}


def features(output):
    return output if isinstance(output, torch.Tensor) else output.pooler_output


def record(model, logit_scale, logit_bias, activation):
    model.eval()
    with torch.no_grad():
        for name, parameter in model.named_parameters():
            if parameter.ndim > 1:  # so that images and texts come out apart
                torch.nn.init.normal_(parameter, std=0.2)
        model.logit_scale.fill_(logit_scale)
        if logit_bias is not None:
            model.logit_bias.fill_(logit_bias)
        pixels = torch.randn(IMAGES, 3, 32, 32)
        tokens = torch.randint(2, 97, (TEXTS, 16))
        tokens[:, -1] = 98
        output = model(pixel_values=pixels, input_ids=tokens)
        image, text = features(model.get_image_features(pixels)), features(model.get_text_features(tokens))
        probabilities = activation(output.logits_per_image)
    result = {
        "model": f"{type(model).__name__}, tiny, random weights, seed 0",
        "size": image.shape[1],
        "images": IMAGES,
        "texts": TEXTS,
        "imageFeatures": fixture.deflate(image),
        "textFeatures": fixture.deflate(text),
        "image_embeds": fixture.deflate(output.image_embeds),
        "text_embeds": fixture.deflate(output.text_embeds),
        "logit_scale": model.logit_scale.item(),
        "logits_per_image": fixture.rounded(output.logits_per_image, 4),
        "probabilities": fixture.rounded(probabilities, 6),
    }
    if logit_bias is not None:
        result["logit_bias"] = model.logit_bias.item()
    return result


def main():
    torch.manual_seed(0)
    clip = CLIPModel(CLIPConfig(text_config=TEXT, vision_config=VISION, projection_dim=SIZE))
    siglip = SiglipModel(SiglipConfig(text_config={**TEXT, "projection_size": SIZE}, vision_config=VISION))
    fixture.write(
        "zero_shot",
        {
            "reference": f"transformers {transformers.__version__} CLIPModel, SiglipModel",
            "clip": record(clip, 2.6592, None, lambda logits: logits.softmax(1)),
            "siglip": record(siglip, 2.3026, -2.0, torch.sigmoid),
        },
    )


if __name__ == "__main__":
    main()
