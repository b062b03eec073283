"""Writes u2net.json: what rembg's U2netSession makes of given raw outputs, and of pictures on the way in.

    python saliency.py

Seven outputs [1, 1, H, W]; only the first counts. It is stretched to [0, 255] by its own least and largest value, cut (not rounded) to whole
numbers, and then resized to the picture by Pillow's LANCZOS. `expected.map` is uint8 by row, deflated. The outputs are made here, with a seed, and
smaller than the 320 x 320 of the real model (the package does not care); the other six are zero.

`preprocessed` records the way in for two pictures of made_picture() in processors.py: resized to 320 x 320 by LANCZOS, divided by the largest value
in the resized picture (not by 255), then (value - mean) / std. Every SAMPLE-th value of [3, 320, 320] is kept.
"""

import types

import cv2
import numpy as np
import rembg
from PIL import Image
from rembg.sessions.u2net import U2netSession

import fixture
from processors import made_picture

SIDE, OUTPUT, SAMPLE = 320, 64, 97
SOURCES = [(150, 94), (61, 118), (OUTPUT, OUTPUT), (20, 31)]
NAMES = [f"d{index}" for index in range(7)]


def made(seed):
    noise = np.random.default_rng(seed).normal(size=(OUTPUT, OUTPUT)).astype(np.float32)
    smooth = cv2.GaussianBlur(noise, (0, 0), 4)
    values = 0.4 + smooth / smooth.std() * 0.2 + 0.02 * noise
    return fixture.coarse(values, 1 / 4096)[None, None]


def session(first):
    """A U2netSession whose model says `first`, and keeps what it was fed."""
    made_session = U2netSession.__new__(U2netSession)
    made_session.fed = []

    def run(_, inputs):
        made_session.fed.append(inputs["input.1"])
        return [first] + [np.zeros_like(first)] * 6

    made_session.inner_session = types.SimpleNamespace(get_inputs=lambda: [types.SimpleNamespace(name="input.1")], run=run)
    return made_session


def main():
    cases, preprocessed = [], []
    for seed, source in enumerate(SOURCES):
        first = made(seed)
        (mask,) = session(first).predict(Image.new("RGB", source))
        raw = {name: fixture.deflate(first if name == "d0" else np.zeros_like(first)) for name in NAMES}
        cases.append({"source": list(source), "raw": raw, "expected": {"map": fixture.deflate(np.asarray(mask), "u1")}})
    for (width, height), brightest in (((60, 45), 256), ((37, 80), 131)):
        way_in = session(made(0))
        way_in.predict(Image.fromarray(made_picture(width, height, brightest)))
        values = fixture.deflate(way_in.fed[0].ravel()[::SAMPLE])
        preprocessed.append({"source": [width, height], "brightest": brightest, "every": SAMPLE, "values": values})
    fixture.write(
        "u2net",
        {
            "reference": f"rembg {rembg.__version__} U2netSession.predict, Pillow {Image.__version__}",
            "model": f"U2-Net with outputs of {OUTPUT} x {OUTPUT}, made",
            "input": {"name": "input.1", "shape": [1, 3, SIDE, SIDE]},
            "outputs": [{"name": name, "shape": [1, 1, OUTPUT, OUTPUT]} for name in NAMES],
            "metadata": {},
            "options": {"mean": [0.485, 0.456, 0.406], "std": [0.229, 0.224, 0.225], "scale": "largest value of the resized picture"},
            "cases": cases,
            "preprocessed": preprocessed,
        },
    )


if __name__ == "__main__":
    main()
