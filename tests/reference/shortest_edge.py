"""Writes shortest-edge.txt and least-scale.txt to tests/reference/fixtures/pictures: the sizes that Hugging Face's image processors resize to.

    python shortest_edge.py      (needs transformers and numpy, see README.md)

shortest-edge.txt, one case a line: SOURCE_W SOURCE_H, then W H for each of the shortest edge to 800 with the longest at most 1333 (DetrImageProcessor), the same
in multiples of 16 (YolosImageProcessor), and the shortest edge to 256 (CLIPImageProcessor), the last one followed by LEFT TOP: where a centre
crop to 225 x 224 begins in it.

least-scale.txt, one case a line: SOURCE_W SOURCE_H, then TARGET_W TARGET_H MULTIPLE W H, as DPTImageProcessor with keep_aspect_ratio.
"""

import pathlib

import numpy as np
from transformers.image_transforms import center_crop, get_resize_output_image_size, get_size_with_aspect_ratio
from transformers.models.dpt.image_processing_pil_dpt import get_resize_output_image_size as dpt_size
from transformers.models.yolos.image_processing_pil_yolos import get_size_with_aspect_ratio_yolos

FIXTURES = pathlib.Path(__file__).resolve().parent / "fixtures" / "pictures"


def crop_begin(height, width):
    rows, columns = np.mgrid[:height, :width]
    cut = center_crop(np.stack([rows, columns, rows]), (224, 225))
    return int(cut[1, 0, 0]), int(cut[0, 0, 0])


def main():
    state = 1
    sizes = [(640, 480), (480, 640), (800, 800), (800, 1333), (1334, 800), (1333, 799), (2000, 1000), (801, 800), (7, 800), (1, 1)]
    while len(sizes) < 250:
        pair = []
        for _ in range(2):
            state = (state * 1664525 + 1013904223) % 2**32
            pair.append(1 + (state >> 8) % 3000)
        if max(pair) < 40 * min(pair):
            sizes.append(tuple(pair))
    lines = []
    for width, height in sizes:
        detr = get_size_with_aspect_ratio((height, width), 800, 1333)
        yolos = get_size_with_aspect_ratio_yolos((height, width), 800, 1333)
        clip = get_resize_output_image_size(np.zeros((3, height, width), np.uint8), 256, default_to_square=False, input_data_format="channels_first")
        numbers = [width, height, *reversed(detr), *reversed(yolos), *reversed(clip), *crop_begin(*clip)]
        lines.append(" ".join(str(number) for number in numbers))
    (FIXTURES / "shortest-edge.txt").write_text("\n".join(lines) + "\n")

    lines = []
    for width, height in sizes:
        for target_width, target_height, multiple in [(518, 518, 14), (384, 512, 1)]:
            picture = np.broadcast_to(np.uint8(0), (3, height, width))
            size = dpt_size(picture, (target_height, target_width), keep_aspect_ratio=True, multiple=multiple)
            lines.append(" ".join(map(str, [width, height, target_width, target_height, multiple, size.width, size.height])))
    (FIXTURES / "least-scale.txt").write_text("\n".join(lines) + "\n")


if __name__ == "__main__":
    main()
