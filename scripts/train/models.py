"""The three networks. Convolutions, batch norm and ReLU only: they quantise well and run on every backend."""

import torch
from torch import Tensor, nn
from torch.nn import functional as F

CLASSIFIER_SIZE = 96
DETECTOR_SIZE = 256
SEGMENTER_SIZE = 128
STRIDES = (8, 16, 32)
NECK = 32
"""Channels of the detector's feature pyramid."""


class ConvBlock(nn.Sequential):
    def __init__(self, inputs: int, outputs: int, stride: int = 1, kernel: int = 3, groups: int = 1) -> None:
        super().__init__(
            nn.Conv2d(inputs, outputs, kernel, stride, kernel // 2, groups=groups, bias=False),
            nn.BatchNorm2d(outputs),
            nn.ReLU(),
        )


class Residual(nn.Module):
    """x + conv(conv(x)), the second convolution without an activation of its own."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.first = ConvBlock(channels, channels)
        self.second = nn.Conv2d(channels, channels, 3, 1, 1, bias=False)
        self.norm = nn.BatchNorm2d(channels)

    def forward(self, x: Tensor) -> Tensor:
        return torch.relu(x + self.norm(self.second(self.first(x))))


class Classifier(nn.Module):
    """[N, 3, 96, 96] to logits [N, classes]."""

    def __init__(self, classes: int) -> None:
        super().__init__()
        self.features = nn.Sequential(
            ConvBlock(3, 16, 2),
            ConvBlock(16, 32, 2),
            Residual(32),
            ConvBlock(32, 64, 2),
            Residual(64),
            ConvBlock(64, 96, 2),
            Residual(96),
        )
        self.pool = nn.Sequential(nn.AdaptiveAvgPool2d(1), nn.Flatten())
        self.head = nn.Linear(96, classes)

    def forward(self, x: Tensor) -> Tensor:
        return self.head(self.pool(self.features(x)))

    def logits_within(self, features: Tensor, weights: Tensor) -> Tensor:
        """Logits from a part of the 6 x 6 grid of features: weights [N, 6, 6], each row of which sums to 1."""
        return self.head((features * weights[:, None]).sum((2, 3)))


class Detector(nn.Module):
    """[N, 3, 256, 256] to [N, 4 + classes, 1344]: cx, cy, w, h in input pixels and a score per class, at strides 8, 16 and 32."""

    def __init__(self, classes: int) -> None:
        super().__init__()
        self.classes = classes
        self.to_8 = nn.Sequential(ConvBlock(3, 12, 2), ConvBlock(12, 28, 2), ConvBlock(28, 48, 2), Residual(48))
        self.to_16 = nn.Sequential(ConvBlock(48, 64, 2), Residual(64))
        self.to_32 = nn.Sequential(ConvBlock(64, 80, 2), Residual(80))
        self.lateral = nn.ModuleList(ConvBlock(c, NECK, kernel=1) for c in (48, 64, 80))
        self.smooth = nn.ModuleList(ConvBlock(NECK, NECK) for _ in range(2))
        self.box_tower, self.class_tower = ConvBlock(NECK, NECK), ConvBlock(NECK, NECK)
        self.box_head, self.class_head = nn.Conv2d(NECK, 4, 1), nn.Conv2d(NECK, classes, 1)
        # Almost every anchor is background: start near a score of 0.01, so that the first steps are not spent on learning that.
        nn.init.constant_(self.class_head.bias, -4.6)
        nn.init.constant_(self.box_head.bias, 1.0)
        centers, strides = anchors(DETECTOR_SIZE)
        self.register_buffer("centers", centers, persistent=False)
        self.register_buffer("strides", strides, persistent=False)

    def raw(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """Distances to the four sides in strides, [N, 4, A], and class logits [N, classes, A]."""
        p8 = self.to_8(x)
        p16 = self.to_16(p8)
        f32 = self.lateral[2](self.to_32(p16))
        f16 = self.smooth[1](self.lateral[1](p16) + F.interpolate(f32, scale_factor=2.0, mode="nearest"))
        f8 = self.smooth[0](self.lateral[0](p8) + F.interpolate(f16, scale_factor=2.0, mode="nearest"))
        distances, logits = [], []
        for feature, stride in zip((f8, f16, f32), STRIDES, strict=True):
            # Sizes by calculation and -1 for the batch: the exported shapes are constants.
            cells = (DETECTOR_SIZE // stride) ** 2
            distances.append(F.softplus(self.box_head(self.box_tower(feature))).reshape(-1, 4, cells))
            logits.append(self.class_head(self.class_tower(feature)).reshape(-1, self.classes, cells))
        return torch.cat(distances, 2), torch.cat(logits, 2)

    def boxes(self, distances: Tensor) -> tuple[Tensor, Tensor]:
        """Top left and bottom right corners in input pixels, each [N, 2, A]."""
        left_top, right_bottom = distances[:, :2], distances[:, 2:]
        return self.centers - left_top * self.strides, self.centers + right_bottom * self.strides

    def forward(self, x: Tensor) -> Tensor:
        distances, logits = self.raw(x)
        low, high = self.boxes(distances)
        return torch.cat([(low + high) * 0.5, high - low, torch.sigmoid(logits)], 1)


def anchors(size: int) -> tuple[Tensor, Tensor]:
    """Cell centres in pixels [1, 2, A] and strides [1, 1, A], row by row, finest grid first."""
    centers, strides = [], []
    for stride in STRIDES:
        axis = (torch.arange(size // stride) + 0.5) * stride
        y, x = torch.meshgrid(axis, axis, indexing="ij")
        centers.append(torch.stack([x.flatten(), y.flatten()]))
        strides.append(torch.full((1, axis.numel() ** 2), float(stride)))
    return torch.cat(centers, 1)[None], torch.cat(strides, 1)[None]


class Segmenter(nn.Module):
    """[N, 3, 128, 128] to logits [N, classes, 128, 128]; class 0 is background. A small U-Net."""

    def __init__(self, classes: int) -> None:
        super().__init__()
        self.to_2 = ConvBlock(3, 16, 2)
        self.to_4 = nn.Sequential(ConvBlock(16, 32, 2), Residual(32))
        self.to_8 = nn.Sequential(ConvBlock(32, 48, 2), Residual(48))
        self.to_16 = nn.Sequential(ConvBlock(48, 80, 2), Residual(80))
        self.up_8 = ConvBlock(80 + 48, 48)
        self.up_4 = ConvBlock(48 + 32, 24)
        self.up_2 = ConvBlock(24 + 16, 16)
        self.head = nn.Conv2d(16, classes, 1)
        self.coarse_head = nn.Conv2d(80, classes, 1)

    def forward(self, x: Tensor) -> Tensor:
        return self.logits(x)[0]

    def logits(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """Per pixel [N, classes, 128, 128] and, for training only, per cell of the coarsest features [N, classes, 8, 8]."""
        s2 = self.to_2(x)
        s4 = self.to_4(s2)
        s8 = self.to_8(s4)
        s16 = self.to_16(s8)
        u8 = self.up_8(torch.cat([_double(s16), s8], 1))
        u4 = self.up_4(torch.cat([_double(u8), s4], 1))
        u2 = self.up_2(torch.cat([_double(u4), s2], 1))
        return _double(self.head(u2)), self.coarse_head(s16)


def _double(x: Tensor) -> Tensor:
    return F.interpolate(x, scale_factor=2.0, mode="bilinear", align_corners=False)
