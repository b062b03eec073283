"""Scenes of shapes with labels, boxes and masks, each a pure function of (split, index)."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from enum import IntEnum
from functools import partial
from multiprocessing import get_context
from typing import TypeVar

import numpy as np
from PIL import Image, ImageFilter

import shapes
import textures

SEED = 20240229


class Split(IntEnum):
    """Seed ranges that never meet. The example pictures are drawn from their own, unseen by training."""

    TRAIN = 0
    HELD_OUT = 1
    PICTURES = 2
    WARM_UP = 3
    """Easy scenes. Nets that start on the full difficulty learn where shapes are, and stay blind to which for many epochs."""


@dataclass(frozen=True)
class Style:
    """What a scene holds. Lengths are fractions of the scene's unit, a number of pixels."""

    count: tuple[int, int]
    diameter: tuple[float, float]
    spread: float | None = None
    """How far from the picture's middle a centre may lie; None: anywhere."""
    texture: float = 0.6
    """How strong the patterns of backgrounds and shapes are, 0..1."""
    clutter_lines: int = 5
    """At most so many lines across the background."""
    low_contrast: float = 0.08
    """Share of shapes whose colour is close to what is behind them."""
    occluders: tuple[int, int] = (0, 2)
    blur: float = 0.35
    noise: tuple[float, float] = (0.0, 0.04)
    fewest_visible: float = 0.4
    """A shape of which less is visible gets no label."""


CLASSIFY = Style(count=(1, 1), diameter=(0.42, 0.9), spread=0.12, low_contrast=0.06, occluders=(0, 1), fewest_visible=0.0)
DETECT = Style(count=(1, 9), diameter=(0.08, 0.42))
SEGMENT = Style(count=(1, 5), diameter=(0.15, 0.6))


def _style(split: Split, style: Style) -> Style:
    if split is not Split.WARM_UP:
        return style
    low, high = style.diameter
    return replace(
        style,
        diameter=(min(2 * low, 0.6 * high), high),
        texture=0.2,
        clutter_lines=1,
        low_contrast=0.0,
        occluders=(0, 0),
        blur=0.0,
        noise=(0.0, 0.01),
    )


@dataclass(frozen=True)
class Scene:
    image: np.ndarray
    """RGB uint8 [height, width, 3]"""
    boxes: np.ndarray
    """xyxy in pixels of the picture, float32 [n, 4]: the whole shape, cut at the picture's edge"""
    classes: np.ndarray
    """int64 [n]"""
    class_map: np.ndarray
    """uint8 [height, width]: 0 is background, k + 1 is class k; what is covered belongs to what covers it"""


class _Canvas:
    """A picture under construction, and which shape each pixel shows."""

    def __init__(self, picture: np.ndarray) -> None:
        self.picture = picture
        self.owner = np.full(picture.shape[:2], -1, dtype=np.int16)

    def blend(self, patch: shapes.Patch, colour: np.ndarray, opacity: float, owner: int) -> None:
        height, width = self.owner.shape
        patch_height, patch_width = patch.alpha.shape
        left, top = max(patch.left, 0), max(patch.top, 0)
        right, bottom = min(patch.left + patch_width, width), min(patch.top + patch_height, height)
        if left >= right or top >= bottom:
            return
        inside = np.s_[top - patch.top : bottom - patch.top, left - patch.left : right - patch.left]
        alpha = patch.alpha[inside]
        target = np.s_[top:bottom, left:right]
        surface = colour[inside] if colour.ndim == 3 else colour
        weight = (alpha * np.float32(opacity))[..., None]
        self.picture[target] += (surface - self.picture[target]) * weight
        self.owner[target][alpha >= 0.5] = owner


def scene(split: Split, index: int, width: int, height: int, unit: float, style: Style) -> Scene:
    """Draws scene `index` of a split. The same arguments give the same bytes."""
    rng = np.random.default_rng([SEED, int(split), index])
    picture = textures.background(rng, width, height, style.texture)
    picture = textures.draw_clutter_lines(picture, rng, int(rng.integers(style.clutter_lines + 1)), unit)
    canvas = _Canvas(picture)
    middle = np.array([width, height]) / 2
    for _ in range(rng.integers(0, 3)):
        center = rng.uniform(0, 1, 2) * (width, height)
        blob = shapes.random_blob(center, unit * rng.uniform(0.04, 0.15), rng)
        canvas.blend(shapes.render(blob), textures.random_colour(rng), rng.uniform(0.5, 1), -1)

    classes: list[int] = []
    boxes: list[np.ndarray] = []
    areas: list[float] = []
    for _ in range(rng.integers(style.count[0], style.count[1] + 1)):
        class_index = int(rng.integers(len(shapes.CLASS_NAMES)))
        placed = _place(rng, class_index, boxes, width, height, unit, style, middle)
        if placed is None:
            continue
        outline, box = placed
        patch = shapes.render(outline)
        _paint(canvas, patch, rng, style, owner=len(classes), unit=unit)
        classes.append(class_index)
        boxes.append(box)
        areas.append(float((patch.alpha >= 0.5).sum()))
    _occlude(canvas, rng, boxes, unit, style)

    visible = [(canvas.owner == i).sum() / area for i, area in enumerate(areas)]
    kept = [i for i, share in enumerate(visible) if share >= style.fewest_visible]
    lookup = np.array([*(c + 1 for c in classes), 0], dtype=np.uint8)
    return Scene(
        image=_finish(canvas.picture, rng, unit, style),
        boxes=np.array([boxes[i] for i in kept], dtype=np.float32).reshape(-1, 4),
        classes=np.array([classes[i] for i in kept], dtype=np.int64),
        class_map=lookup[canvas.owner],
    )


def _place(
    rng: np.random.Generator,
    class_index: int,
    boxes: list[np.ndarray],
    width: int,
    height: int,
    unit: float,
    style: Style,
    middle: np.ndarray,
) -> tuple[shapes.Outline, np.ndarray] | None:
    """An outline that does not hide another shape, and its box; None where ten tries found no room."""
    for _ in range(10):
        # Uniform in the logarithm, so that small and large shapes are equally common.
        diameter = unit * np.exp(rng.uniform(*np.log(style.diameter)))
        if style.spread is None:
            center = rng.uniform(0.02, 0.98, 2) * (width, height)
        else:
            center = middle + rng.uniform(-style.spread, style.spread, 2) * unit
        outline = shapes.random_outline(class_index, center, diameter / 2, rng)
        low, high = outline.outer.min(axis=0), outline.outer.max(axis=0)
        box = np.concatenate([np.maximum(low, 0), np.minimum(high, (width, height))])
        size = box[2:] - box[:2]
        if (size <= 0).any() or size.prod() < 0.5 * (high - low).prod():
            continue
        if all(_covered(box, other) < 0.3 for other in boxes):
            return outline, box
    return None


def _covered(a: np.ndarray, b: np.ndarray) -> float:
    """Intersection over the smaller of two boxes."""
    overlap = np.clip(np.minimum(a[2:], b[2:]) - np.maximum(a[:2], b[:2]), 0, None).prod()
    return float(overlap / min((a[2:] - a[:2]).prod(), (b[2:] - b[:2]).prod()))


def _paint(canvas: _Canvas, patch: shapes.Patch, rng: np.random.Generator, style: Style, owner: int, unit: float) -> None:
    patch_height, patch_width = patch.alpha.shape
    if rng.random() < 0.3:
        offset = np.rint(rng.uniform(-0.02, 0.02, 2) * unit).astype(int)
        shadow = shapes.Patch(patch.left + int(offset[0]), patch.top + int(offset[1]), patch.alpha)
        before = canvas.owner.copy()
        canvas.blend(shadow, np.zeros(3, dtype=np.float32), 0.35, -1)
        canvas.owner = before
    height, width = canvas.owner.shape
    rows = slice(max(patch.top, 0), min(patch.top + patch_height, height))
    columns = slice(max(patch.left, 0), min(patch.left + patch_width, width))
    behind = canvas.picture[rows, columns].mean(axis=(0, 1))
    if rng.random() < style.low_contrast:
        colour = np.clip(behind + rng.uniform(-0.16, 0.16, 3).astype(np.float32), 0, 1)
    else:
        colour = max((textures.random_colour(rng) for _ in range(3)), key=lambda c: float(np.abs(c - behind).sum()))
    surface = np.clip(textures.fill(rng, patch_width, patch_height, colour, style.texture), 0, 1)
    canvas.blend(patch, surface, rng.uniform(0.75, 1), owner)


def _occlude(canvas: _Canvas, rng: np.random.Generator, boxes: list[np.ndarray], unit: float, style: Style) -> None:
    """Bars and blobs in front of the shapes."""
    for _ in range(rng.integers(style.occluders[0], style.occluders[1] + 1)):
        if not boxes:
            return
        box = boxes[rng.integers(len(boxes))]
        size = float((box[2:] - box[:2]).max())
        center = box[:2] + rng.uniform(0, 1, 2) * (box[2:] - box[:2])
        if rng.random() < 0.6:
            cover = shapes.random_bar(center, size * rng.uniform(0.5, 1.6), max(1.5, size * rng.uniform(0.04, 0.2)), rng)
        else:
            cover = shapes.random_blob(center, size * rng.uniform(0.12, 0.35), rng)
        canvas.blend(shapes.render(cover), textures.random_colour(rng), 1.0, -1)


def _finish(picture: np.ndarray, rng: np.random.Generator, unit: float, style: Style) -> np.ndarray:
    """Light, blur and grain of a camera; uint8."""
    picture = (picture - np.float32(0.5)) * np.float32(rng.uniform(0.7, 1.1)) + np.float32(0.5 + rng.uniform(-0.12, 0.12))
    if rng.random() < style.blur:
        as_image = Image.fromarray((np.clip(picture, 0, 1) * 255).astype(np.uint8))
        radius = unit / 256 * rng.uniform(0.6, 2.2)
        picture = np.asarray(as_image.filter(ImageFilter.GaussianBlur(radius)), dtype=np.float32) / 255
    grain = rng.standard_normal(picture.shape[:2] + (1,), dtype=np.float32) + np.float32(0.5) * rng.standard_normal(
        picture.shape, dtype=np.float32
    )
    picture = picture + grain * np.float32(rng.uniform(*style.noise))
    return (np.clip(picture, 0, 1) * 255 + 0.5).astype(np.uint8)


def square_scene(split: Split, index: int, size: int, style: Style) -> Scene:
    return scene(split, index, size, size, size, style)


def letterboxed_scene(split: Split, index: int, size: int, pad: int, style: Style) -> Scene:
    """A scene of any aspect ratio, drawn at the size letterboxing gives it and padded to a square."""
    rng = np.random.default_rng([SEED, int(split), index, 1])
    aspect = rng.choice([1.0, 4 / 3, 3 / 4, 16 / 9, 9 / 16])
    width, height = round(size * min(1.0, aspect)), round(size * min(1.0, 1 / aspect))
    inner = scene(split, index, width, height, size, style)
    left, top = (size - width) // 2, (size - height) // 2
    image = np.full((size, size, 3), pad, dtype=np.uint8)
    image[top : top + height, left : left + width] = inner.image
    class_map = np.zeros((size, size), dtype=np.uint8)
    class_map[top : top + height, left : left + width] = inner.class_map
    shift = np.array([left, top, left, top], dtype=np.float32)
    return Scene(image, inner.boxes + shift, inner.classes, class_map)


Result = TypeVar("Result")


def draw_many(draw: Callable[[int], Result], count: int, processes: int) -> list[Result]:
    """draw(0) .. draw(count - 1), in order. The processes are spawned: a fork would copy the trainer's threads."""
    with get_context("spawn").Pool(processes) as pool:
        return pool.map(draw, range(count), chunksize=max(1, count // (processes * 8)))


def classification_set(split: Split, count: int, size: int, processes: int) -> list[Scene]:
    return draw_many(partial(square_scene, split, size=size, style=_style(split, CLASSIFY)), count, processes)


def detection_set(split: Split, count: int, size: int, pad: int, processes: int) -> list[Scene]:
    return draw_many(partial(letterboxed_scene, split, size=size, pad=pad, style=_style(split, DETECT)), count, processes)


def segmentation_set(split: Split, count: int, size: int, processes: int) -> list[Scene]:
    return draw_many(partial(square_scene, split, size=size, style=_style(split, SEGMENT)), count, processes)
