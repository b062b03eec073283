"""Sequences of tracked objects out of a small generator, which tests/metrics/tracks.ts has as well: only answers need to be kept."""


class Lcg:
    """A linear congruential generator of 32 bits, of which the upper 24 are used."""

    def __init__(self, seed):
        self.state = seed

    def below(self, n):
        self.state = (self.state * 1664525 + 1013904223) & 0xFFFFFFFF
        return (self.state >> 8) * n >> 24

    def around(self, n):
        """From -n to n."""
        return self.below(2 * n + 1) - n

    def chance(self, percent):
        return self.below(100) < percent


DEFAULTS = {
    "frames": 12,
    "objects": 5,
    "area": 200,  # in units, as all lengths
    "size": 40,
    "least": 10,
    "unit": 0.25,  # pixels; large ones make equal boxes and IoUs of 1/2
    "speed": 2,
    "jitter": 3,
    # chances in percent, each for one object in one frame but the last
    "gone": 10,  # truth has no row
    "missed": 15,
    "switched": 5,
    "marked": 0,  # truth has confidence 0
    "ghosts": 2,  # at most, found where there is nothing
    "blank": 0,  # a frame without truth, and as often one without anything found
    "classes": [1],
}


def sequence(given):
    """(truth, found): rows of frame, id, x, y, width, height, confidence, class."""
    p = {**DEFAULTS, **given}
    random = Lcg(p["seed"])
    objects = []
    for _ in range(p["objects"]):
        x, y = random.below(p["area"]), random.below(p["area"])
        width, height = p["least"] + random.below(p["size"]), p["least"] + random.below(p["size"])
        speed = random.around(p["speed"]), random.around(p["speed"])
        objects.append([x, y, width, height, *speed, p["classes"][random.below(len(p["classes"]))]])
    ids = [100 + k for k in range(len(objects))]
    fresh = 1000
    truth, found = [], []
    for frame in range(1, p["frames"] + 1):
        for k in range(len(ids)):
            if not random.chance(p["switched"]):
                continue
            if random.chance(50):
                ids[k], fresh = fresh, fresh + 1
            else:
                other = random.below(len(ids))
                ids[k], ids[other] = ids[other], ids[k]
        blank = random.below(100)
        has_truth, has_found = blank >= p["blank"], not p["blank"] <= blank < 2 * p["blank"]
        truth_rows, found_rows, ghosts = [], [], []
        start = random.below(len(objects))
        for step in range(len(objects)):
            k = (start + step) % len(objects)
            o = objects[k]
            o[0], o[1] = o[0] + o[4], o[1] + o[5]
            if random.chance(p["gone"]):
                continue
            box = [value * p["unit"] for value in o[:4]]
            truth_rows.append([frame, 3 * k + 1, *box, 0 if random.chance(p["marked"]) else 1, o[6]])
            if random.chance(p["missed"]):
                continue
            moved = [value + random.around(p["jitter"]) for value in o[:4]]
            box = [moved[0], moved[1], max(moved[2], 1), max(moved[3], 1)]
            found_rows.append([frame, ids[k], *(value * p["unit"] for value in box), 1, 1])
        for g in range(random.below(p["ghosts"] + 1)):
            o = objects[random.below(len(objects))]
            box = [o[0] + random.around(2 * p["jitter"]), o[1] + random.around(2 * p["jitter"]), o[2], o[3]]
            ghosts.append([frame, 5000 + g, *(value * p["unit"] for value in box), 1, 1])
        if has_truth:
            truth += truth_rows
        if has_found:
            found += ghosts + found_rows if random.chance(50) else found_rows + ghosts
    return truth, found
