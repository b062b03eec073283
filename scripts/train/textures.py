"""Textured backgrounds and fills."""

import colorsys

import numpy as np
from PIL import Image, ImageDraw


def random_colour(rng: np.random.Generator) -> np.ndarray:
    """RGB float32 [3] in 0..1, spread over hues rather than over the cube, whose middle is grey."""
    hue, saturation, value = rng.uniform(0, 1), rng.uniform(0.1, 1.0), rng.uniform(0.15, 1.0)
    return np.array(colorsys.hsv_to_rgb(hue, saturation, value), dtype=np.float32)


def smooth_noise(rng: np.random.Generator, width: int, height: int, cells: int) -> np.ndarray:
    """Value noise, float32 [height, width] in 0..1: a coarse random grid, bicubically enlarged."""
    longest = max(width, height)
    grid = (max(2, round(cells * height / longest)), max(2, round(cells * width / longest)))
    coarse = Image.fromarray(rng.random(grid, dtype=np.float32), mode="F")
    return np.clip(np.asarray(coarse.resize((width, height), Image.BICUBIC)), 0, 1)


def _ramp(rng: np.random.Generator, width: int, height: int) -> np.ndarray:
    """Position along a random direction, float32 [height, width], about -0.5..0.5 over the longer side."""
    angle = rng.uniform(0, 2 * np.pi)
    longest = max(width, height)
    x = (np.arange(width, dtype=np.float32) - width / 2) / longest
    y = (np.arange(height, dtype=np.float32) - height / 2) / longest
    return np.float32(np.cos(angle)) * x[None, :] + np.float32(np.sin(angle)) * y[:, None]


def _stripes(rng: np.random.Generator, width: int, height: int) -> np.ndarray:
    wave = np.sin(_ramp(rng, width, height) * np.float32(2 * np.pi * rng.uniform(3, 18)))
    return np.clip(0.5 + wave * np.float32(rng.uniform(0.5, 3)), 0, 1)


def _checks(rng: np.random.Generator, width: int, height: int) -> np.ndarray:
    count = np.float32(rng.uniform(4, 14))
    ramp, across = _ramp(rng, width, height), _ramp(rng, width, height)
    return ((np.floor(ramp * count) + np.floor(across * count)) % 2).astype(np.float32)


def _blobs(rng: np.random.Generator, width: int, height: int) -> np.ndarray:
    noise = smooth_noise(rng, width, height, int(rng.integers(5, 16)))
    return np.clip((noise - 0.5) * np.float32(rng.uniform(4, 14)) + 0.5, 0, 1)


def _cloud(rng: np.random.Generator, width: int, height: int) -> np.ndarray:
    return smooth_noise(rng, width, height, int(rng.integers(3, 10)))


def _gradient(rng: np.random.Generator, width: int, height: int) -> np.ndarray:
    return np.clip(_ramp(rng, width, height) + 0.5, 0, 1)


def background(rng: np.random.Generator, width: int, height: int, strength: float) -> np.ndarray:
    """A textured surface, RGB float32 [height, width, 3] in 0..1. Strength 0 is nearly plain, 1 often hides what lies on it."""
    pattern = (_gradient, _cloud, _stripes, _checks, _blobs)[rng.integers(5)](rng, width, height)
    first, second, third = (random_colour(rng) for _ in range(3))
    # Two of three patterns have close colours: strong patterns everywhere would hide every shape.
    contrast = np.float32(strength * rng.choice([0.25, 0.4, 1.0]))
    picture = first + (second - first) * contrast * pattern[..., None]
    picture += (third - picture) * np.float32(0.35 * strength) * _cloud(rng, width, height)[..., None]
    fine = smooth_noise(rng, width, height, int(rng.integers(30, 90))) - np.float32(0.5)
    picture += fine[..., None] * np.float32(strength * rng.uniform(0.02, 0.22))
    return np.clip(picture, 0, 1)


def draw_clutter_lines(picture: np.ndarray, rng: np.random.Generator, count: int, unit: float) -> np.ndarray:
    """Lines and arcs across the background, anti-aliased by drawing at twice the size."""
    height, width = picture.shape[:2]
    image = Image.fromarray((picture * 255).astype(np.uint8)).resize((2 * width, 2 * height), Image.NEAREST)
    pen = ImageDraw.Draw(image)
    for _ in range(count):
        colour = tuple(int(255 * c) for c in random_colour(rng))
        x0, x1 = rng.uniform(-0.2, 1.2, 2) * 2 * width
        y0, y1 = rng.uniform(-0.2, 1.2, 2) * 2 * height
        thickness = max(1, round(2 * unit * rng.uniform(0.004, 0.02)))
        if rng.random() < 0.6:
            pen.line([x0, y0, x1, y1], fill=colour, width=thickness)
        else:
            radius = unit * rng.uniform(0.1, 0.8)
            start = rng.uniform(0, 360)
            box = [x0 - radius, y0 - radius, x0 + radius, y0 + radius]
            pen.arc(box, start, start + rng.uniform(40, 150), fill=colour, width=thickness)
    return np.asarray(image.reduce(2), dtype=np.float32) / 255


def fill(rng: np.random.Generator, width: int, height: int, colour: np.ndarray, strength: float) -> np.ndarray:
    """The surface of a shape, RGB float32 broadcastable to [height, width, 3]: flat, shaded or striped."""
    kind = rng.random()
    if kind < 0.45:
        return colour
    other = random_colour(rng)
    if kind < 0.8:
        return colour + (other - colour) * np.float32(0.5 * strength) * (_ramp(rng, width, height)[..., None] + np.float32(0.5))
    return colour + (other - colour) * np.float32(0.6 * strength) * _stripes(rng, width, height)[..., None]
