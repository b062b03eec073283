"""Writes fixtures/metrics/ranks.json.gz: tests of two groups of numbers, and arrivals, by scipy and numpy.

    python ranks.py

tests/metrics/ranks.test.ts and tests/bench/arrivals.test.ts read them.

mannWhitney   { first, second, pValue } two groups of whole numbers, many of them equal: the
              exact permutation of scipy's mannwhitneyu, which knows ties
holm          { pValues, adjusted } by the definition, step by step
quantiles     [{ share, value }] of the exponential distribution with mean 1
poisson       [{ mean, most: [{ count, chance }] }] how likely at most so many arrivals are, by scipy
"""

import numpy as np
from made import Numbers, write
from scipy import stats

SIZES = [(2, 2, 5, 0), (2, 3, 4, 1), (4, 4, 50, 40), (5, 5, 6, 2), (6, 5, 1000, 200), (5, 6, 2, 1), (4, 5, 1, 0), (6, 6, 30, 0)]
P_VALUES = [[0.01], [0.04, 0.01, 0.03], [0.5, 0.5, 0.5], [0.001, 0.02, 0.02, 0.9], [1, 1e-9]]


def groups(first, second, seed, levels, apart):
    numbers = Numbers(seed)
    a = [numbers.below(levels) for _ in range(first)]
    return a, [numbers.below(levels) + apart for _ in range(second)]


def mann_whitney(first, second, seed, levels, apart):
    a, b = groups(first, second, seed, levels, apart)
    exact = stats.PermutationMethod(n_resamples=np.inf)
    p_value = stats.mannwhitneyu(a, b, method=exact).pvalue
    return {"first": a, "second": b, "pValue": float(p_value)}


def holm(p_values):
    """The i-th smallest of m times m - i, and never below one that is smaller."""
    order = sorted(range(len(p_values)), key=lambda i: p_values[i])
    adjusted = [0.0] * len(p_values)
    for place, i in enumerate(order):
        before = adjusted[order[place - 1]] if place > 0 else 0.0
        adjusted[i] = max(before, min(1.0, p_values[i] * (len(p_values) - place)))
    return {"pValues": p_values, "adjusted": adjusted}


def poisson(mean):
    distribution = stats.poisson(mean)
    counts = sorted({int(distribution.ppf(share)) for share in (0.001, 0.05, 0.5, 0.95, 0.999)})
    return {"mean": mean, "most": [{"count": count, "chance": float(distribution.cdf(count))} for count in counts]}


write(
    "ranks",
    {
        "mannWhitney": [mann_whitney(*sizes[:2], seed, *sizes[2:]) for seed, sizes in enumerate(SIZES)],
        "holm": [holm(p_values) for p_values in P_VALUES],
        "quantiles": [{"share": share, "value": float(stats.expon.ppf(share))} for share in (0.01, 0.1, 0.25, 0.5, 0.75, 0.9, 0.99, 0.999)],
        "poisson": [poisson(mean) for mean in (0.5, 5, 50)],
    },
)
