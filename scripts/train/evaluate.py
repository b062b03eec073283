"""Accuracy on held-out scenes: top-1, mean average precision, mean IoU. On numpy arrays of any origin."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

IOU_THRESHOLDS = np.linspace(0.5, 0.95, 10)
"""As COCO's mAP50-95."""
RECALL_POINTS = np.linspace(0, 1, 101)


@dataclass(frozen=True)
class Detections:
    """Of one picture, best score first."""

    boxes: np.ndarray
    scores: np.ndarray
    classes: np.ndarray


def top1(logits: np.ndarray, classes: np.ndarray) -> float:
    return float((logits.argmax(1) == classes).mean())


def mean_iou(predicted: np.ndarray, truth: np.ndarray, classes: int) -> float:
    """Class maps of any equal shape. IoU per class over all pixels together, averaged over all classes, background included."""
    counts = np.bincount(truth.astype(np.int64).ravel() * classes + predicted.ravel(), minlength=classes**2)
    confusion = counts.reshape(classes, classes)
    overlap = np.diag(confusion)
    return float((overlap / (confusion.sum(0) + confusion.sum(1) - overlap)).mean())


def box_iou(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """xyxy [n, 4] and [m, 4] to [n, m]."""
    low = np.maximum(a[:, None, :2], b[None, :, :2])
    high = np.minimum(a[:, None, 2:], b[None, :, 2:])
    overlap = np.clip(high - low, 0, None).prod(-1)
    area_a, area_b = ((box[:, 2:] - box[:, :2]).prod(-1) for box in (a, b))
    return overlap / np.maximum(area_a[:, None] + area_b[None] - overlap, 1e-9)


def decode(output: np.ndarray, score_threshold: float = 0.01, iou_threshold: float = 0.6, limit: int = 100) -> Detections:
    """One picture's [4 + classes, A] (cx, cy, w, h, scores): threshold, then non-maximum suppression within each class."""
    class_index, anchor = np.nonzero(output[4:] >= score_threshold)
    scores = output[4:][class_index, anchor]
    order = np.argsort(-scores, kind="stable")[:1000]
    class_index, scores, raw = class_index[order], scores[order], output[:4, anchor[order]].T
    boxes = np.concatenate([raw[:, :2] - raw[:, 2:] / 2, raw[:, :2] + raw[:, 2:] / 2], 1)
    rivals = (box_iou(boxes, boxes) > iou_threshold) & (class_index[:, None] == class_index)
    alive = np.ones(len(boxes), dtype=bool)
    for i in range(len(boxes)):
        if alive[i]:
            alive[i + 1 :] &= ~rivals[i, i + 1 :]
    kept = np.flatnonzero(alive)[:limit]
    return Detections(boxes[kept], scores[kept], class_index[kept])


def average_precisions(
    detections: Sequence[Detections], truth: Sequence[tuple[np.ndarray, np.ndarray]], classes: int
) -> np.ndarray:
    """[classes, thresholds] for truth given as (boxes, classes) per picture. Precision is interpolated at 101 recall points."""
    return np.array([_class_precisions(detections, truth, index) for index in range(classes)])


def _class_precisions(
    detections: Sequence[Detections], truth: Sequence[tuple[np.ndarray, np.ndarray]], class_index: int
) -> np.ndarray:
    scores: list[np.ndarray] = []
    hits: list[np.ndarray] = []
    positives = 0
    for found, (true_boxes, true_classes) in zip(detections, truth, strict=True):
        mine = found.classes == class_index
        wanted = true_boxes[true_classes == class_index]
        positives += len(wanted)
        scores.append(found.scores[mine])
        hits.append(_match(found.boxes[mine], wanted))
    order = np.argsort(-np.concatenate(scores), kind="stable")
    true_positives = np.cumsum(np.concatenate(hits, axis=1)[:, order], axis=1)
    recall = true_positives / positives
    precision = true_positives / np.arange(1, len(order) + 1)
    envelope = np.maximum.accumulate(precision[:, ::-1], axis=1)[:, ::-1]
    return np.array([_interpolate(r, p) for r, p in zip(recall, envelope, strict=True)])


def _match(boxes: np.ndarray, wanted: np.ndarray) -> np.ndarray:
    """Whether each box, best score first, finds a shape that no better one has taken: bool [thresholds, n]."""
    hit = np.zeros((len(IOU_THRESHOLDS), len(boxes)), dtype=bool)
    if len(wanted) == 0:
        return hit
    overlaps = box_iou(boxes, wanted)
    for t, threshold in enumerate(IOU_THRESHOLDS):
        free = np.ones(len(wanted), dtype=bool)
        for i, row in enumerate(overlaps):
            best = int(np.argmax(np.where(free, row, -1)))
            if free[best] and row[best] >= threshold:
                free[best] = False
                hit[t, i] = True
    return hit


def _interpolate(recall: np.ndarray, precision: np.ndarray) -> float:
    at = np.searchsorted(recall, RECALL_POINTS, side="left")
    return float(np.append(precision, 0.0)[at].mean())
