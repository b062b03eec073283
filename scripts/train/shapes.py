"""Outlines of the six shapes, and anti-aliased masks of polygons."""

from dataclasses import dataclass

import numpy as np
from PIL import Image, ImageDraw

CLASS_NAMES = ("circle", "square", "triangle", "star", "ring", "cross")


@dataclass(frozen=True)
class Outline:
    """Polygons in pixels, float [n, 2] (x, y). The hole, where there is one, is cut out of the outer polygon."""

    outer: np.ndarray
    hole: np.ndarray | None = None


@dataclass(frozen=True)
class Patch:
    """Coverage of a polygon, float32 [h, w] in 0..1. Its top left pixel lies at (left, top), which may be outside the picture."""

    left: int
    top: int
    alpha: np.ndarray


def _round_points(count: int, radius: float = 1.0) -> np.ndarray:
    angles = np.arange(count) * (2 * np.pi / count)
    return radius * np.stack([np.cos(angles), np.sin(angles)], axis=1)


def _unit_outline(class_index: int, rng: np.random.Generator) -> Outline:
    """An outline around the origin that fits the unit circle, with the proportions of one individual."""
    name = CLASS_NAMES[class_index]
    if name == "circle":
        return Outline(_round_points(64))
    if name == "square":
        return Outline(_round_points(4))
    if name == "triangle":
        return Outline(_round_points(3))
    if name == "star":
        points = _round_points(10)
        points[1::2] *= rng.uniform(0.4, 0.55)
        return Outline(points)
    if name == "ring":
        return Outline(_round_points(64), _round_points(64, rng.uniform(0.4, 0.75)))
    arm = rng.uniform(0.2, 0.36)
    corner = np.array([[1, -arm], [1, arm], [arm, arm]])
    turns = [corner @ np.array([[c, s], [-s, c]]) for c, s in ((1, 0), (0, 1), (-1, 0), (0, -1))]
    return Outline(np.concatenate(turns) / np.hypot(1, arm))


def random_outline(class_index: int, center: np.ndarray, radius: float, rng: np.random.Generator) -> Outline:
    """One individual of a class: rotated, slightly squeezed along a random direction, scaled and moved."""
    turn, squeeze_turn = rng.uniform(0, 2 * np.pi, 2)
    squeeze = np.diag([1.0, rng.uniform(0.8, 1.0)])
    matrix = radius * _rotation(squeeze_turn) @ squeeze @ _rotation(turn)
    unit = _unit_outline(class_index, rng)
    hole = None if unit.hole is None else unit.hole @ matrix.T + center
    return Outline(unit.outer @ matrix.T + center, hole)


def random_bar(center: np.ndarray, length: float, thickness: float, rng: np.random.Generator) -> Outline:
    """A straight bar in a random direction: belongs to no class, covers and distracts."""
    corners = np.array([[-1, -1], [1, -1], [1, 1], [-1, 1]]) * (length / 2, thickness / 2)
    return Outline(corners @ _rotation(rng.uniform(0, 2 * np.pi)).T + center)


def random_blob(center: np.ndarray, radius: float, rng: np.random.Generator) -> Outline:
    """A smooth irregular patch: belongs to no class, covers and distracts."""
    angles = np.arange(48) * (2 * np.pi / 48)
    wobble = sum(rng.uniform(-0.22, 0.22) * np.cos(k * angles + rng.uniform(0, 6.3)) for k in (2, 3, 4))
    return Outline(center + radius * (1 + wobble)[:, None] * np.stack([np.cos(angles), np.sin(angles)], axis=1))


def _rotation(angle: float) -> np.ndarray:
    c, s = np.cos(angle), np.sin(angle)
    return np.array([[c, -s], [s, c]])


def render(outline: Outline) -> Patch:
    """Draws the outline larger and averages down: four samples per pixel and axis, two where it is large."""
    low = np.floor(outline.outer.min(axis=0)).astype(int) - 1
    high = np.ceil(outline.outer.max(axis=0)).astype(int) + 1
    width, height = (high - low).tolist()
    factor = 4 if max(width, height) <= 160 else 2
    canvas = Image.new("L", (width * factor, height * factor))
    pen = ImageDraw.Draw(canvas)
    pen.polygon([tuple(p) for p in (outline.outer - low) * factor], fill=255)
    if outline.hole is not None:
        pen.polygon([tuple(p) for p in (outline.hole - low) * factor], fill=0)
    alpha = np.asarray(canvas.reduce(factor), dtype=np.float32) / 255
    return Patch(int(low[0]), int(low[1]), alpha)
