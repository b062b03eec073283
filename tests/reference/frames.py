"""Writes tests/reference/fixtures/frames.txt: what OpenCV's cvtColor makes of frames of video.

    python frames.py

One case a line: FORMAT WIDTH HEIGHT MATRIX RANGE HASH, then of bt601 limited nothing more. The frame's bytes are state >> 24 of the linear
congruential generator of pictures.py, plane after plane without gaps, planes of half an odd side rounded up. HASH is the 64-bit FNV-1a of the
picture as RGB. OpenCV knows BT.601 in the limited range only; for the others the standards' own formulas are computed in double precision, HASH
is -, and base64 of the picture follows.
"""

import base64
import pathlib

import cv2
import numpy as np
from pictures import fnv1a, generator

FIXTURE = pathlib.Path(__file__).resolve().parent / "fixtures" / "frames.txt"
SIZES = [(2, 2), (64, 48), (33, 18), (18, 33), (7, 5), (1, 1), (1, 6), (6, 1)]


def planes_of(kind, width, height):
    """Luma, U and V as arrays, and the frame's bytes."""
    states = generator()
    half_width, half_height = (width + 1) // 2, (height + 1) // 2

    def noise(*shape):
        count = int(np.prod(shape))
        return np.frombuffer(bytes(next(states) >> 24 for _ in range(count)), np.uint8).reshape(shape)

    if kind == "yuyv":
        packed = noise(height, half_width, 4)
        luma = packed[:, :, ::2].reshape(height, -1)[:, :width]
        return luma, packed[:, :, 1], packed[:, :, 3]
    luma = noise(height, width)
    if kind == "nv12":
        chroma = noise(half_height, half_width, 2)
        return luma, chroma[:, :, 0], chroma[:, :, 1]
    return luma, noise(half_height, half_width), noise(half_height, half_width)


def by_opencv(kind, luma, u, v):
    """OpenCV takes even sides only, so the last row and column are there twice, and cut off afterwards."""
    height, width = luma.shape
    even = np.pad(luma, ((0, height % 2), (0, width % 2)), mode="edge")
    if kind == "yuyv":
        packed = np.empty((height, even.shape[1], 2), np.uint8)
        packed[:, :, 0] = even[:height]
        packed[:, ::2, 1], packed[:, 1::2, 1] = u, v
        return cv2.cvtColor(packed, cv2.COLOR_YUV2RGB_YUY2)[:, :width]
    if kind == "nv12":
        chroma = np.stack([u, v], axis=-1).reshape(u.shape[0], -1)
        return cv2.cvtColor(np.vstack([even, chroma]), cv2.COLOR_YUV2RGB_NV12)[:height, :width]
    flat = np.concatenate([even.ravel(), u.ravel(), v.ravel()]).reshape(-1, even.shape[1])
    return cv2.cvtColor(flat, cv2.COLOR_YUV2RGB_I420)[:height, :width]


def by_standard(luma, u, v, matrix, full, rows):
    height, width = luma.shape
    red, blue = {"bt601": (0.299, 0.114), "bt709": (0.2126, 0.0722)}[matrix]
    green = 1 - red - blue
    spread = [np.repeat(np.repeat(plane, rows, 0), 2, 1)[:height, :width] - 128.0 for plane in (u, v)]
    y = luma / 255 if full else np.maximum(luma - 16.0, 0) / 219
    pb, pr = (plane / (255 if full else 224) for plane in spread)
    r = y + 2 * (1 - red) * pr
    b = y + 2 * (1 - blue) * pb
    g = (y - red * r - blue * b) / green
    return np.clip(np.round(255 * np.stack([r, g, b], axis=-1)), 0, 255).astype(np.uint8)


def main():
    lines = []
    for kind in ("nv12", "i420", "yuyv"):
        for width, height in SIZES:
            luma, u, v = planes_of(kind, width, height)
            pixels = np.ascontiguousarray(by_opencv(kind, luma, u, v))
            lines.append(f"{kind} {width} {height} bt601 limited {fnv1a(pixels.tobytes()):016x}")
        for matrix, colors in (("bt601", "full"), ("bt709", "limited"), ("bt709", "full")):
            luma, u, v = planes_of(kind, 17, 10)
            pixels = by_standard(luma, u, v, matrix, colors == "full", 1 if kind == "yuyv" else 2)
            lines.append(f"{kind} 17 10 {matrix} {colors} - {base64.b64encode(pixels.tobytes()).decode()}")
    FIXTURE.write_text("\n".join(lines) + "\n")
    print(f"{len(lines)} cases")


if __name__ == "__main__":
    main()
