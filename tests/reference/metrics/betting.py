"""Writes fixtures/metrics/betting.json: what the test by betting has to give, in exact fractions and by counting every way that values can come. Needs nothing but Python.

    python tests/reference/metrics/betting.py

evidence   { limit, lowest, values, logs }: after each value, the logarithm of the most that the money was ever multiplied by
crossings  { limit, up, down, steps, alpha, probability }: of values 1, -1 and 0, which come with the probabilities `up`, `down` and what is left, that the money ever reaches 1 / alpha
           within so many steps. The money depends on how many there are of each alone, so paths are counted by that.
"""

import json
import math
import random
from fractions import Fraction
from pathlib import Path

BETS = [Fraction(0.9 * 0.65**i) for i in range(16)]


def log_of(fraction):
    return math.log(fraction.numerator) - math.log(fraction.denominator)


def evidence(limit, lowest, values):
    limit, lowest = Fraction(limit), Fraction(lowest)
    money = [Fraction(1)] * len(BETS)
    most, logs = Fraction(1), []
    for value in values:
        surprise = (Fraction(value) - limit) / (limit - lowest)
        money = [amount * (1 + bet * surprise) for amount, bet in zip(money, BETS)]
        most = max(most, sum(money) / len(money))
        logs.append(log_of(most))
    return {"limit": float(limit), "lowest": float(lowest), "values": [float(value) for value in values], "logs": logs}


def crossing(limit, up, down, steps, alpha):
    """By logarithms in doubles: no state lies on the border by chance."""
    gains = {
        value: [math.log1p(float(bet) * (value - limit) / (limit + 1)) for bet in BETS] for value in (-1, 0, 1)
    }

    def crosses(ups, downs, nones):
        logs = [ups * u + downs * d + nones * n for u, d, n in zip(gains[1], gains[-1], gains[0])]
        highest = max(logs)
        return highest + math.log(sum(math.exp(log - highest) for log in logs) / len(logs)) >= -math.log(alpha)

    alive, crossed = {(0, 0): 1.0}, 0.0
    for step in range(1, steps + 1):
        coming = {}
        for (ups, downs), probability in alive.items():
            for state, chance in (((ups + 1, downs), up), ((ups, downs + 1), down), ((ups, downs), 1 - up - down)):
                coming[state] = coming.get(state, 0.0) + probability * chance
        alive = {}
        for (ups, downs), probability in coming.items():
            if crosses(ups, downs, step - ups - downs):
                crossed += probability
            else:
                alive[(ups, downs)] = probability
    return {"limit": limit, "up": up, "down": down, "steps": steps, "alpha": alpha, "probability": crossed}


def main():
    generator = random.Random(7)
    sequences = [
        evidence(0.0, -1.0, [generator.choice((-1, 0, 0, 0, 1, 1)) for _ in range(60)]),
        evidence(0.01, -1.0, [0] * 40 + [1] * 5),
        evidence(-0.01, -1.0, [0] * 60),
        evidence(0.1, 0.0, [generator.random() for _ in range(40)]),
        evidence(0.5, 0.0, [0] * 20 + [1] * 20),
        evidence(-0.25, -1.0, [-generator.random() for _ in range(40)]),
    ]
    crossings = [
        crossing(0.0, 0.25, 0.25, 150, 0.05),
        crossing(0.0, 0.05, 0.05, 150, 0.1),
        crossing(0.02, 0.11, 0.09, 150, 0.05),
        crossing(0.0, 0.3, 0.15, 150, 0.05),
        crossing(0.01, 0.2, 0.02, 100, 0.01),
    ]
    path = Path(__file__).parent.parent / "fixtures" / "metrics" / "betting.json"
    path.write_text(json.dumps({"evidence": sequences, "crossings": crossings}) + "\n")


main()
