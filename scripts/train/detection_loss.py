"""The detector's training loss: task-aligned assignment (TOOD, arXiv:2108.07755), GIoU (arXiv:1902.09630), cross entropy."""

import torch
from torch import Tensor
from torch.nn import functional as F

from models import Detector

CANDIDATES = 9
"""Anchors per shape that learn to predict it."""
SCORE_POWER, IOU_POWER = 0.5, 6.0
"""How score and IoU weigh in the choice of those anchors; the paper's values, with the score's halved."""
BOX_WEIGHT = 2.5


def detection_loss(model: Detector, images: Tensor, boxes: Tensor, classes: Tensor, valid: Tensor) -> Tensor:
    """boxes float32 [N, M, 4] xyxy in input pixels, classes int64 [N, M], valid bool [N, M] marks rows that are not padding."""
    distances, logits = model.raw(images)
    low, high = model.boxes(distances)
    predicted = torch.cat([low, high], 1).transpose(1, 2)
    logits = logits.transpose(1, 2)
    with torch.no_grad():
        owner, quality = _assign(predicted, logits.sigmoid(), model.centers[0].T, boxes, classes, valid)
    rows = torch.arange(len(boxes))[:, None]
    target_classes = classes[rows, owner]
    targets = torch.zeros_like(logits).scatter_(2, target_classes[..., None], quality[..., None])
    total = quality.sum().clamp(min=1.0)
    class_loss = F.binary_cross_entropy_with_logits(logits, targets, reduction="sum") / total
    chosen = quality > 0
    overlap = _iou(predicted[chosen], boxes[rows, owner][chosen], generalized=True)
    return class_loss + BOX_WEIGHT * ((1 - overlap) * quality[chosen]).sum() / total


def _assign(
    predicted: Tensor, scores: Tensor, centers: Tensor, boxes: Tensor, classes: Tensor, valid: Tensor
) -> tuple[Tensor, Tensor]:
    """For each anchor the shape it answers for, int64 [N, A], and its target score, float32 [N, A]; 0 is background."""
    iou = _iou(boxes[:, :, None], predicted[:, None]).clamp(min=0)
    inside = ((centers > boxes[:, :, None, :2]) & (centers < boxes[:, :, None, 2:])).all(-1) & valid[..., None]
    score_of_class = scores.transpose(1, 2).gather(1, classes[..., None].expand(-1, -1, scores.shape[1]))
    alignment = score_of_class**SCORE_POWER * iou**IOU_POWER * inside
    # A floor of 1e-9 keeps anchors inside a shape eligible while no prediction overlaps it yet.
    rank = torch.where(inside, alignment + 1e-9, torch.zeros_like(alignment))
    threshold = rank.topk(CANDIDATES, dim=2).values[..., -1:]
    candidate = inside & (rank >= threshold)
    # An anchor claimed by several shapes goes to the one it overlaps most.
    claim = torch.where(candidate, iou + 1e-6, torch.zeros_like(iou))
    best, owner = claim.max(dim=1)
    owned = candidate & (torch.arange(boxes.shape[1])[None, :, None] == owner[:, None])
    alignment = alignment * owned
    peak_alignment = alignment.amax(dim=2, keepdim=True)
    peak_iou = (iou * owned).amax(dim=2, keepdim=True)
    quality = (alignment / (peak_alignment + 1e-9) * peak_iou).amax(dim=1)
    return owner, quality * (best > 0)


def _iou(a: Tensor, b: Tensor, generalized: bool = False) -> Tensor:
    """IoU of xyxy boxes over the last axis; generalized: less the share of the enclosing box that neither covers."""
    overlap = (torch.minimum(a[..., 2:], b[..., 2:]) - torch.maximum(a[..., :2], b[..., :2])).clamp(min=0).prod(-1)
    union = (a[..., 2:] - a[..., :2]).prod(-1) + (b[..., 2:] - b[..., :2]).prod(-1) - overlap
    iou = overlap / union.clamp(min=1e-6)
    if not generalized:
        return iou
    hull = (torch.maximum(a[..., 2:], b[..., 2:]) - torch.minimum(a[..., :2], b[..., :2])).prod(-1).clamp(min=1e-6)
    return iou - (hull - union) / hull
