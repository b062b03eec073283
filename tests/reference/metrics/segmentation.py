"""Writes fixtures/metrics/segmentation.json.gz: what scikit-learn and scipy make of made-up label maps.

    python segmentation.py

A list of { kind, classes, seed, tolerance, sizes, expected }: the label maps of each size follow from the others, by `made` below and
madeLabelMaps in tests/metrics/made.ts. null is NaN. repeated: of the pictures, each as often as its weight says.

Overlap is scikit-learn's, over the pixels of all pictures that are not ignored. The boundary is that of DAVIS, written down from its definition; near is what
scipy's exact Euclidean distance transform says.
"""

import math
import warnings

import numpy as np
from scipy import ndimage
from sklearn import metrics

from made import Numbers, write

IGNORED = 255


def made(kind, classes, seed, sizes):
    numbers = Numbers(seed)
    known = {"one class": 1, "absent": max(1, classes // 2)}.get(kind, classes)

    def label_map(width, height):
        block = 1 if kind == "pixels" else 1 + numbers.below(9)
        across = math.ceil(width / block)
        of_blocks = [numbers.below(known) for _ in range(across * math.ceil(height / block))]
        labels = []
        for y in range(height):
            for x in range(width):
                label = of_blocks[y // block * across + x // block]
                labels.append(numbers.below(known) if numbers.below(40) == 0 else label)
        return labels

    pictures = []
    for width, height in sizes:
        truth = label_map(width, height)
        predicted = label_map(width, height) if kind != "perfect" else truth
        if kind == "near":  # the true map, a few columns further
            predicted = [truth[y * width + max(0, x - 2)] for y in range(height) for x in range(width)]
        if kind == "all ignored":
            truth = [IGNORED] * len(truth)
        elif kind != "perfect":
            truth = [IGNORED if numbers.below(12) == 0 else label for label in truth]
        pictures.append((np.array(truth).reshape(height, width), np.array(predicted).reshape(height, width)))
    weights = [1 if i == 0 else numbers.below(4) for i in range(len(sizes))]
    return pictures, weights


def boundary(segment):
    """Where a pixel differs from its neighbour to the right, below, or right below; at the last row and column from the one that there is."""
    padded = np.pad(segment, ((0, 1), (0, 1)), mode="edge")
    right, below, right_below = padded[:-1, 1:], padded[1:, :-1], padded[1:, 1:].copy()
    right_below[-1, :] = segment[-1, :]
    right_below[:, -1] = segment[:, -1]
    return (segment ^ right) | (segment ^ below) | (segment ^ right_below)


def boundary_f(truth, predicted, tolerance):
    """NaN where neither has a boundary."""
    radius = math.ceil(tolerance * np.hypot(*truth.shape))
    own, said = boundary(truth), boundary(predicted)
    if not own.any() and not said.any():
        return np.nan
    if not own.any() or not said.any():
        return 0.0
    # Squares of distances between pixels are whole numbers.
    near = lambda edge: np.rint(ndimage.distance_transform_edt(~edge) ** 2) <= radius**2
    precision, recall = near(own)[said].mean(), near(said)[own].mean()
    return 0.0 if precision + recall == 0 else 2 * precision * recall / (precision + recall)


def mean(values):
    values = np.asarray(values, dtype=float)
    return values[~np.isnan(values)].mean() if (~np.isnan(values)).any() else np.nan


def expected_of(pictures, classes, tolerance):
    truth = np.concatenate([truth[truth != IGNORED] for truth, _ in pictures])
    predicted = np.concatenate([predicted[truth != IGNORED] for truth, predicted in pictures])
    labels = range(classes)
    boundaries = []
    for c in labels:
        scores = [
            boundary_f((own == c) & (own != IGNORED), (said == c) & (own != IGNORED), tolerance) for own, said in pictures
        ]
        boundaries.append(mean(scores))
    nothing = {"iou": [np.nan] * classes, "dice": [np.nan] * classes, "accuracy": [np.nan] * classes}
    if len(truth) == 0:
        scalars = dict.fromkeys(["pixelAccuracy", "meanIou", "meanDice", "meanAccuracy", "frequencyWeightedIou"], np.nan)
        confusion = np.zeros(classes**2)
        per_class = nothing
    else:
        confusion = metrics.confusion_matrix(truth, predicted, labels=labels)
        occurs = np.union1d(truth, predicted)
        per_class = {
            "iou": metrics.jaccard_score(truth, predicted, labels=labels, average=None, zero_division=0),
            "dice": metrics.f1_score(truth, predicted, labels=labels, average=None, zero_division=0),
            "accuracy": metrics.recall_score(truth, predicted, labels=labels, average=None, zero_division=0),
        }
        for name in ("iou", "dice"):
            per_class[name][~np.isin(labels, occurs)] = np.nan
        per_class["accuracy"][~np.isin(labels, truth)] = np.nan
        scalars = {
            "pixelAccuracy": metrics.accuracy_score(truth, predicted),
            "meanIou": metrics.jaccard_score(truth, predicted, average="macro", zero_division=0),
            "meanDice": metrics.f1_score(truth, predicted, average="macro", zero_division=0),
            "meanAccuracy": metrics.balanced_accuracy_score(truth, predicted),
            "frequencyWeightedIou": metrics.jaccard_score(truth, predicted, average="weighted", zero_division=0),
        }
    return {
        "pixels": len(truth),
        **scalars,
        "meanBoundaryF": mean(boundaries),
        "confusion": np.ravel(confusion),
        "perClass": {**per_class, "boundaryF": boundaries},
    }


def cases():
    seed = 0
    shapes = ([(1, 1)], [(1, 9)], [(9, 1)], [(31, 22)], [(40, 17), (12, 30), (8, 8)], [(5, 5), (1, 1), (23, 4), (16, 16)])
    for kind in ("blocks", "pixels", "near", "absent"):
        for classes in (1, 2, 5, 19):
            for sizes in shapes:
                for tolerance in (0.0075, 0.08):
                    seed += 1
                    yield kind, classes, seed, tolerance, sizes
    for kind in ("perfect", "one class", "all ignored"):
        for sizes in shapes:
            seed += 1
            yield kind, 3, seed, 0.0075, sizes
    for tolerance in (0, 0.02, 1):
        seed += 1
        yield "blocks", 4, seed, tolerance, [(60, 45)]


def main():
    warnings.filterwarnings("ignore", message="y_pred contains classes not in y_true")
    warnings.filterwarnings("ignore", message="A single label was found")
    content = []
    for kind, classes, seed, tolerance, sizes in cases():
        pictures, weights = made(kind, classes, seed, sizes)
        expected = expected_of(pictures, classes, tolerance)
        repeated = [picture for picture, weight in zip(pictures, weights) for _ in range(weight)]
        drawn = expected_of(repeated, classes, tolerance)
        expected["repeated"] = {
            "mean IoU": drawn["meanIou"],
            "mean Dice": drawn["meanDice"],
            "pixel accuracy": drawn["pixelAccuracy"],
            "mean boundary F": drawn["meanBoundaryF"],
        }
        content.append(
            {"kind": kind, "classes": classes, "seed": seed, "tolerance": tolerance, "sizes": sizes, "expected": expected}
        )
    write("segmentation", content)
    print(f"{len(content)} cases")


if __name__ == "__main__":
    main()
