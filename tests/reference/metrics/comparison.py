"""Writes fixtures/metrics/comparison.json.gz: agreement, intervals and comparisons of made-up runs, by numpy, scipy and scikit-learn.

    python comparison.py

Inputs follow from a seed, as in the functions below and in tests/metrics/comparison.test.ts. null is NaN.

random        { seed, numbers, below: [{ limit, numbers }] } of the generator, xoshiro128** written down once more
bootstrap     { pictures, seed, samples, level, expected } of the mean of fractions, every seventh of them undefined
mcNemar       { baselineOnly, candidateOnly, pValue } by scipy's binomtest
comparison    { pictures, seed, gain, expected } of two runs' right pictures
predictions   { pictures, classes, seed, expected } scikit-learn's kappa
scores        { pictures, classes, seed, expected } scipy's Jensen-Shannon distance, squared, and relative entropy
boxes         { pictures, seed, expected } the best pair of all that are left, again and again
embeddings    { pictures, dimension, seed, expected } scipy's cosine distance
slices        { pictures, seed, bins, members } numpy's quantiles and digitize
"""

import warnings

import numpy as np
from scipy import stats
from scipy.spatial import distance
from sklearn import metrics

from made import Numbers, write

WORD = 2**32


class Random:
    """xoshiro128** 1.1; the state is a counter with the step of the golden ratio, through MurmurHash3's finaliser."""

    def __init__(self, seed):
        self.state = [self.mixed((seed + step * 0x9E3779B9) % WORD) for step in (1, 2, 3, 4)]

    @staticmethod
    def mixed(value):
        value = (value ^ value >> 16) * 0x85EBCA6B % WORD
        value = (value ^ value >> 13) * 0xC2B2AE35 % WORD
        return value ^ value >> 16

    @staticmethod
    def rotated(value, bits):
        return (value << bits | value >> 32 - bits) % WORD

    def next(self):
        s = self.state
        result = self.rotated(s[1] * 5 % WORD, 7) * 9 % WORD
        shifted = s[1] << 9 & WORD - 1
        s[2] ^= s[0]
        s[3] ^= s[1]
        s[1] ^= s[2]
        s[0] ^= s[3]
        s[2] ^= shifted
        s[3] = self.rotated(s[3], 11)
        return result

    def below(self, limit):
        while True:
            drawn = self.next()
            if drawn < WORD - WORD % limit:
                return drawn % limit


def draws(pictures, seed, samples):
    random = Random(seed)
    return [[random.below(pictures) for _ in range(pictures)] for _ in range(samples)]


def percentiles(values, level):
    defined = np.array(values)[~np.isnan(values)]
    if len(defined) == 0:
        return {"low": np.nan, "high": np.nan, "samples": 0}
    low, high = np.quantile(defined, [(1 - level) / 2, 1 - (1 - level) / 2])
    return {"low": low, "high": high, "samples": len(defined)}


def bootstrap_case(pictures, seed, samples, level):
    numbers = Numbers(seed)
    values = np.array([np.nan if i % 7 == 6 or pictures == 3 else numbers.fraction() for i in range(pictures)])
    means = [np.nanmean(values[draw]) for draw in draws(pictures, seed, samples)]
    return {
        "pictures": pictures,
        "seed": seed,
        "samples": samples,
        "level": level,
        "expected": {"value": np.nanmean(values), "interval": percentiles(means, level), "samples": means},
    }


def comparison_case(pictures, seed, gain):
    numbers = Numbers(seed)
    baseline = np.array([numbers.fraction() < 0.6 for _ in range(pictures)], dtype=int)
    candidate = np.array([right if numbers.fraction() > gain else 1 for right in baseline])
    candidate = np.array([right if numbers.fraction() > 0.1 else 0 for right in candidate])
    differences = np.array([candidate[draw].mean() - baseline[draw].mean() for draw in draws(pictures, seed, 500)])
    # Of whole numbers, so that no rounding makes a difference of nothing one of something.
    sums = np.array([(candidate[draw] - baseline[draw]).sum() for draw in draws(pictures, seed, 500)])
    worse, better = int((baseline > candidate).sum()), int((candidate > baseline).sum())
    return {
        "pictures": pictures,
        "seed": seed,
        "gain": gain,
        "expected": {
            "baseline": baseline.mean(),
            "candidate": candidate.mean(),
            "difference": candidate.mean() - baseline.mean(),
            "interval": percentiles(differences, 0.95),
            "pValue": min(1, 2 * (min((sums <= 0).sum(), (sums >= 0).sum()) + 1) / 501),
            "mcNemar": {"baselineOnly": worse, "candidateOnly": better, "pValue": binomial(worse, better)},
        },
    }


def binomial(first, second):
    return stats.binomtest(first, first + second).pvalue if first + second else 1.0


def predictions_case(pictures, classes, seed):
    numbers = Numbers(seed)
    first = [numbers.below(classes) for _ in range(pictures)]
    second = [label if numbers.below(3) else numbers.below(classes) for label in first]
    expected = {"top1": metrics.accuracy_score(first, second), "kappa": metrics.cohen_kappa_score(first, second)}
    return {"pictures": pictures, "classes": classes, "seed": seed, "expected": expected}


def scores_case(pictures, classes, seed):
    numbers = Numbers(seed)

    def rows():
        return np.array([[numbers.below(50) / 10 for _ in range(classes)] for _ in range(pictures)]) + np.eye(pictures, classes)

    first, second = rows(), rows()
    first, second = first / first.sum(axis=1, keepdims=True), second / second.sum(axis=1, keepdims=True)
    expected = {
        "top1": metrics.accuracy_score(first.argmax(axis=1), second.argmax(axis=1)),
        "jensenShannon": np.mean([distance.jensenshannon(p, q) ** 2 for p, q in zip(first, second)]),
        "kullbackLeibler": np.mean([stats.entropy(p, q) for p, q in zip(first, second)]),
        "largestDifference": np.abs(first - second).max(),
    }
    inputs = {"first": first.ravel(), "second": second.ravel()}  # sums are pairwise here: kept, not made again
    return {"pictures": pictures, "classes": classes, "seed": seed, **inputs, "expected": expected}


def found(numbers, count):
    boxes, ids = [], []
    for _ in range(count):
        left, top = numbers.below(24), numbers.below(24)
        boxes.append([left, top, left + numbers.below(20), top + numbers.below(20)])
        ids.append(numbers.below(2))
    return np.array(boxes, dtype=float).reshape(-1, 4), np.array(ids, dtype=int)


def ious(first, second):
    low = np.maximum(first[:, None, :2], second[None, :, :2])
    high = np.minimum(first[:, None, 2:], second[None, :, 2:])
    both = np.clip(high - low, 0, None).prod(axis=2)
    union = (first[:, 2:] - first[:, :2]).prod(axis=1)[:, None] + (second[:, 2:] - second[:, :2]).prod(axis=1)[None] - both
    return np.divide(both, union, out=np.zeros_like(both), where=union > 0)


def boxes_case(pictures, seed):
    numbers = Numbers(seed)
    total, same, matched = [0, 0], 0, []
    for _ in range(pictures):
        first, first_ids = found(numbers, numbers.below(9))
        second, second_ids = found(numbers, numbers.below(9))
        if numbers.below(2):  # the other model finds much the same
            second, second_ids = np.concatenate([first + numbers.below(3), second]), np.concatenate([first_ids, second_ids])
        total = [total[0] + len(first), total[1] + len(second)]
        same += np.array_equal(np.bincount(first_ids, minlength=2), np.bincount(second_ids, minlength=2))
        left = np.where(first_ids[:, None] == second_ids[None], ious(first, second), 0)
        while left.size and left.max() >= 0.5:
            a, b = np.unravel_index(left.argmax(), left.shape)
            matched.append(left[a, b])
            left[a, :] = left[:, b] = 0
    share = lambda count, of: count / of if of else np.nan
    expected = {
        "first": total[0],
        "second": total[1],
        "matched": len(matched),
        "precision": share(len(matched), total[1]),
        "recall": share(len(matched), total[0]),
        "f1": share(2 * len(matched), sum(total)),
        "meanIou": np.mean(matched) if matched else np.nan,
        "sameCounts": same / pictures,
    }
    return {"pictures": pictures, "seed": seed, "expected": expected}


def embeddings_case(pictures, dimension, seed):
    numbers = Numbers(seed)
    first, second = (np.array([[numbers.fraction() - 0.5 for _ in range(dimension)] for _ in range(pictures)]) for _ in "ab")
    cosines = [1 - distance.cosine(p, q) for p, q in zip(first, second)]
    expected = {"meanCosine": np.mean(cosines), "lowestCosine": min(cosines), "cosines": cosines}
    return {"pictures": pictures, "dimension": dimension, "seed": seed, "expected": expected}


def slices_case(pictures, seed, bins):
    numbers = Numbers(seed)
    values = np.array([numbers.below(30) / 4 for _ in range(pictures)])
    if len(np.unique(values)) <= bins:
        place = np.searchsorted(np.unique(values), values)
    else:
        place = np.digitize(values, np.unique(np.quantile(values, np.arange(1, bins) / bins)))
    members = [np.flatnonzero(place == p) for p in np.unique(place)]
    return {"pictures": pictures, "seed": seed, "bins": bins, "members": members}


def random_case(seed):
    random = Random(seed)
    return {
        "seed": seed,
        "numbers": [random.next() for _ in range(20)],
        "below": [{"limit": limit, "numbers": [random.below(limit) for _ in range(20)]} for limit in (1, 7, 1000, 3_000_000_000)],
    }


def main():
    warnings.filterwarnings("ignore", message="Mean of empty slice")
    warnings.filterwarnings("ignore", message="A single label was found")
    shapes = [(1, 2), (2, 3), (30, 2), (100, 5), (200, 40)]
    write(
        "comparison",
        {
            "random": [random_case(seed) for seed in (0, 1, 12345, WORD - 1)],
            "bootstrap": [
                bootstrap_case(pictures, seed, samples, level)
                for seed, (pictures, samples, level) in enumerate(
                    [(1, 10, 0.95), (2, 50, 0.95), (3, 20, 0.9), (10, 200, 0.5), (60, 300, 0.99), (300, 100, 0.95)]
                )
            ],
            "mcNemar": [
                {"baselineOnly": first, "candidateOnly": second, "pValue": binomial(first, second)}
                for first, second in [
                    *((first, second) for first in range(7) for second in range(7)),
                    *((50, 50), (50, 51), (40, 60), (1000, 1100), (0, 3000), (20000, 20400), (50000, 50001)),
                ]
            ],
            "comparison": [
                comparison_case(pictures, seed, gain)
                for seed, (pictures, gain) in enumerate([(5, 0.5), (40, 0.0), (40, 0.3), (200, 0.15), (500, 0.0), (500, 0.5)])
            ],
            "predictions": [predictions_case(*shape, seed) for seed, shape in enumerate(shapes)],
            "scores": [scores_case(*shape, seed) for seed, shape in enumerate([(1, 2), (2, 3), (20, 5), (4, 40)])],
            "boxes": [boxes_case(pictures, seed) for seed, pictures in enumerate([1, 1, 2, 10, 40, 40, 120])],
            "embeddings": [embeddings_case(*shape, seed) for seed, shape in enumerate([(1, 1), (2, 3), (10, 64)])],
            "slices": [
                slices_case(pictures, seed, bins)
                for seed, (pictures, bins) in enumerate([(1, 4), (3, 4), (20, 4), (200, 4), (200, 3), (500, 10), (90, 29)])
            ],
        },
    )


if __name__ == "__main__":
    main()
