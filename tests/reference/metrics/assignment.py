"""Writes fixtures/metrics/assignment.txt: the pairings that SciPy finds, for tests/native/assignment_test.cc.

    python assignment.py

A line a problem:

    SEED ROWS COLUMNS LEVELS APART | PAIRING | GATED

Costs come from the generator of tracks.py, row by row: with a chance of APART percent infinity; else a whole number below LEVELS, so that
there are ties, or, where LEVELS is 0, a multiple of 2^-24 below 1. PAIRING is the column of each row, -1 for none, or "infeasible"; GATED the same
with infinity replaced as py-motmetrics replaces it, and without the pairs that have it.
"""

import pathlib

import motmetrics
import numpy as np
from scipy.optimize import linear_sum_assignment
from tracks import Lcg

FIXTURE = pathlib.Path(__file__).resolve().parents[1] / "fixtures" / "metrics" / "assignment.txt"


def costs_of(seed, rows, columns, levels, apart):
    random = Lcg(seed)

    def cost():
        if random.chance(apart):
            return np.inf
        return random.below(levels) if levels > 0 else random.below(1 << 24) / (1 << 24)

    return np.array([[cost() for _ in range(columns)] for _ in range(rows)], dtype=float).reshape(rows, columns)


def text(pairing, rows):
    columns = dict(zip(*(part.tolist() for part in pairing)))
    return " ".join(str(columns.get(row, -1)) for row in range(rows))


def plain(costs):
    try:
        return text(linear_sum_assignment(costs), len(costs))
    except ValueError:
        return "infeasible"


def main():
    random = Lcg(12)
    lines = []
    for seed in range(240):
        rows, columns = 1 + random.below(12), 1 + random.below(12)
        if seed % 12 == 0:
            rows, columns = 20 + random.below(20), 20 + random.below(20)
        levels = [2, 3, 5, 1, 0, 1000][seed % 6]
        apart = [0, 0, 30, 70][seed // 6 % 4]
        costs = costs_of(seed, rows, columns, levels, apart)
        gated = text(motmetrics.lap.linear_sum_assignment(costs, solver="scipy"), rows)
        lines.append(f"{seed} {rows} {columns} {levels} {apart} | {plain(costs)} | {gated}\n")
    FIXTURE.write_text("".join(lines))


if __name__ == "__main__":
    main()
