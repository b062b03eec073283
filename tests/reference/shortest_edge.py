"""Writes tests/reference/fixtures/pictures/shortest-edge.txt: the sizes that Hugging Face's image processors resize pictures to.

    python shortest_edge.py      (needs transformers and numpy, see README.md)

One case a line: SOURCE_W SOURCE_H, then W H for each of the shortest edge to 800 with the longest at most 1333 (DetrImageProcessor), the same
in multiples of 16 (YolosImageProcessor), and the shortest edge to 256 (CLIPImageProcessor), the last one followed by LEFT TOP: where a centre
crop to 225 x 224 begins in it.
"""

import pathlib

import numpy as np
from transformers.image_transforms import center_crop, get_resize_output_image_size, get_size_with_aspect_ratio
from transformers.models.yolos.image_processing_pil_yolos import get_size_with_aspect_ratio_yolos

FIXTURE = pathlib.Path(__file__).resolve().parent / "fixtures" / "pictures" / "shortest-edge.txt"


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
    FIXTURE.write_text("\n".join(lines) + "\n")


if __name__ == "__main__":
    main()
