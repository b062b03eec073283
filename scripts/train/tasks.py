"""One object per model: its data, its training step, its metric, its export."""

from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional as F

import dataset
import evaluate
import models
from dataset import Scene, Split
from detection_loss import detection_loss
from export import Description
from shapes import CLASS_NAMES

IMAGENET_MEAN, IMAGENET_STD = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)
LETTERBOX_PAD = 114


@dataclass(frozen=True)
class Plan:
    """How long to train on how much."""

    warm_up_scenes: int
    warm_up_epochs: int
    """The first epochs see the easy scenes alone, the rest the others."""
    train_scenes: int
    held_out_scenes: int
    epochs: int
    batch: int
    peak_rate: float

    def quick(self) -> "Plan":
        """Enough to run every line, not to learn anything."""
        return replace(self, warm_up_scenes=120, warm_up_epochs=1, train_scenes=120, held_out_scenes=120, epochs=1)


class Symmetry:
    """One of the 48 changes that keep a scene a scene: mirror, mirror, transpose, and an order of the colour channels."""

    def __init__(self, generator: torch.Generator) -> None:
        self.flip_x, self.flip_y, self.transpose = (torch.rand(3, generator=generator) < 0.5).tolist()
        self.channels = torch.randperm(3, generator=generator)

    def images(self, images: Tensor) -> Tensor:
        return self.maps(images[:, self.channels])

    def maps(self, maps: Tensor) -> Tensor:
        if self.flip_x:
            maps = maps.flip(-1)
        if self.flip_y:
            maps = maps.flip(-2)
        return maps.transpose(-1, -2) if self.transpose else maps

    def boxes(self, boxes: Tensor, size: int) -> Tensor:
        x0, y0, x1, y1 = boxes.unbind(-1)
        if self.flip_x:
            x0, x1 = size - x1, size - x0
        if self.flip_y:
            y0, y1 = size - y1, size - y0
        return torch.stack([y0, x0, y1, x1] if self.transpose else [x0, y0, x1, y1], -1)


def stack_images(scenes: Sequence[Scene]) -> Tensor:
    """RGB uint8 [n, 3, H, W]"""
    return torch.from_numpy(np.stack([s.image for s in scenes])).permute(0, 3, 1, 2).contiguous()


def imagenet_input(images: Tensor) -> Tensor:
    mean, std = (torch.tensor(v).reshape(1, 3, 1, 1) for v in (IMAGENET_MEAN, IMAGENET_STD))
    return (images.float() / 255 - mean) / std


def unit_input(images: Tensor) -> Tensor:
    return images.float() / 255


class Task(ABC):
    name: str
    plan: Plan
    description: Description
    preprocessing: str
    output: str
    to_input: Callable[[Tensor], Tensor]

    @abstractmethod
    def network(self) -> nn.Module: ...

    @abstractmethod
    def draw(self, split: Split, count: int, processes: int) -> list[Scene]: ...

    @abstractmethod
    def targets(self, scenes: Sequence[Scene]) -> tuple[Tensor, ...]:
        """Tensors that are indexed by scene, handed to `loss` batch by batch."""

    @abstractmethod
    def loss(self, model: nn.Module, images: Tensor, targets: tuple[Tensor, ...], symmetry: Symmetry) -> Tensor: ...

    @abstractmethod
    def metrics(self, outputs: np.ndarray, scenes: Sequence[Scene]) -> dict[str, float]: ...


class Classification(Task):
    name = "classifier"
    plan = Plan(
        warm_up_scenes=3000,
        warm_up_epochs=4,
        train_scenes=8000,
        held_out_scenes=2000,
        epochs=15,
        batch=16,
        peak_rate=1e-3,
    )
    description = Description("classify", CLASS_NAMES, "images", "logits", models.CLASSIFIER_SIZE)
    preprocessing = "shortest edge to 96 (bilinear, antialiased), centre crop 96 x 96, RGB / 255, ImageNet mean and std"
    output = "logits, no softmax"
    to_input = staticmethod(imagenet_input)

    def network(self) -> nn.Module:
        return models.Classifier(len(CLASS_NAMES))

    def draw(self, split: Split, count: int, processes: int) -> list[Scene]:
        return dataset.classification_set(split, count, models.CLASSIFIER_SIZE, processes)

    def targets(self, scenes: Sequence[Scene]) -> tuple[Tensor, ...]:
        covered = torch.from_numpy(np.stack([s.class_map > 0 for s in scenes])).float()
        weights = F.adaptive_avg_pool2d(covered, models.CLASSIFIER_SIZE // 16) + 1e-6
        return torch.tensor([int(s.classes[0]) for s in scenes]), weights / weights.sum((1, 2), keepdim=True)

    def loss(self, model: nn.Module, images: Tensor, targets: tuple[Tensor, ...], symmetry: Symmetry) -> Tensor:
        """The shape's own cells must say the class too: without that hint the net takes epochs to find out where to look."""
        assert isinstance(model, models.Classifier)
        classes, weights = targets
        features = model.features(images)
        whole, within = model.head(model.pool(features)), model.logits_within(features, symmetry.maps(weights))
        return F.cross_entropy(whole, classes, label_smoothing=0.05) + F.cross_entropy(within, classes, label_smoothing=0.05)

    def metrics(self, outputs: np.ndarray, scenes: Sequence[Scene]) -> dict[str, float]:
        return {"top1": evaluate.top1(outputs, np.array([int(s.classes[0]) for s in scenes]))}


class Detection(Task):
    name = "detector"
    plan = Plan(
        warm_up_scenes=1200,
        warm_up_epochs=3,
        train_scenes=2400,
        held_out_scenes=600,
        epochs=8,
        batch=8,
        peak_rate=1e-3,
    )
    description = Description("detect", CLASS_NAMES, "images", "output0", models.DETECTOR_SIZE, stride=max(models.STRIDES))
    preprocessing = "letterbox to 256 x 256 (bilinear, centred, padded with 114), RGB / 255"
    output = "cx, cy, w, h in input pixels, then a sigmoid score per class; no NMS inside"
    to_input = staticmethod(unit_input)

    def network(self) -> nn.Module:
        return models.Detector(len(CLASS_NAMES))

    def draw(self, split: Split, count: int, processes: int) -> list[Scene]:
        return dataset.detection_set(split, count, models.DETECTOR_SIZE, LETTERBOX_PAD, processes)

    def targets(self, scenes: Sequence[Scene]) -> tuple[Tensor, ...]:
        most = max(1, *(len(s.classes) for s in scenes))
        boxes, classes = torch.zeros(len(scenes), most, 4), torch.zeros(len(scenes), most, dtype=torch.int64)
        valid = torch.zeros(len(scenes), most, dtype=torch.bool)
        for i, s in enumerate(scenes):
            count = len(s.classes)
            boxes[i, :count], classes[i, :count] = torch.from_numpy(s.boxes), torch.from_numpy(s.classes)
            valid[i, :count] = True
        return boxes, classes, valid

    def loss(self, model: nn.Module, images: Tensor, targets: tuple[Tensor, ...], symmetry: Symmetry) -> Tensor:
        assert isinstance(model, models.Detector)
        boxes, classes, valid = targets
        return detection_loss(model, images, symmetry.boxes(boxes, models.DETECTOR_SIZE), classes, valid)

    def metrics(self, outputs: np.ndarray, scenes: Sequence[Scene]) -> dict[str, float]:
        found = [evaluate.decode(output) for output in outputs]
        truth = [(s.boxes, s.classes) for s in scenes]
        precisions = evaluate.average_precisions(found, truth, len(CLASS_NAMES))
        return {"map50": float(precisions[:, 0].mean()), "map50_95": float(precisions.mean())}


class Segmentation(Task):
    name = "segmenter"
    plan = Plan(
        warm_up_scenes=1500,
        warm_up_epochs=5,
        train_scenes=4000,
        held_out_scenes=600,
        epochs=9,
        batch=8,
        peak_rate=1e-3,
    )
    description = Description("segment", ("background", *CLASS_NAMES), "images", "logits", models.SEGMENTER_SIZE)
    preprocessing = "stretch to 128 x 128 (bilinear, antialiased), RGB / 255, ImageNet mean and std"
    output = "logits per pixel; class 0 is background"
    to_input = staticmethod(imagenet_input)

    def network(self) -> nn.Module:
        return models.Segmenter(len(self.description.names))

    def draw(self, split: Split, count: int, processes: int) -> list[Scene]:
        return dataset.segmentation_set(split, count, models.SEGMENTER_SIZE, processes)

    def targets(self, scenes: Sequence[Scene]) -> tuple[Tensor, ...]:
        return (torch.from_numpy(np.stack([s.class_map for s in scenes])),)

    def loss(self, model: nn.Module, images: Tensor, targets: tuple[Tensor, ...], symmetry: Symmetry) -> Tensor:
        """Without the coarse head and the lighter background the net settles for telling shapes from background."""
        assert isinstance(model, models.Segmenter)
        classes = len(self.description.names)
        truth = symmetry.maps(targets[0]).long()
        fine, coarse = model.logits(images)
        weights = torch.ones(classes)
        weights[0] = 0.2
        share = F.avg_pool2d(F.one_hot(truth, classes).permute(0, 3, 1, 2).float(), 16) * weights[:, None, None]
        coarse_loss = F.cross_entropy(coarse, share / share.sum(1, keepdim=True))
        weights[0] = 0.5
        return F.cross_entropy(fine, truth, weight=weights) + coarse_loss

    def metrics(self, outputs: np.ndarray, scenes: Sequence[Scene]) -> dict[str, float]:
        truth = np.stack([s.class_map for s in scenes])
        return {"miou": evaluate.mean_iou(outputs.argmax(1), truth, len(self.description.names))}


TASKS: tuple[Task, ...] = (Classification(), Detection(), Segmentation())
