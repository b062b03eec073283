"""The cases of tracking.py: at random, in ways that strain one thing each, and put together by hand."""

import math

# Lengths of a whole pixel or more, of which few differ: boxes are equal, IoUs are 1/2, 1/3 and 1, and many pairings tie.
TIES = {"unit": 4, "area": 6, "size": 2, "least": 1, "speed": 1, "jitter": 1}

FAMILIES = [
    ("calm", {"missed": 5, "switched": 1, "jitter": 2, "ghosts": 1}),
    ("usual", {}),
    ("crowded", {"objects": 14, "area": 60, "size": 30, "least": 20, "frames": 10}),
    ("loose", {"jitter": 12, "size": 30, "ghosts": 4}),
    ("fragments", {"frames": 30, "missed": 45, "gone": 30, "objects": 3}),
    ("switches", {"switched": 50, "missed": 5}),
    ("blanks", {"blank": 20, "frames": 20}),
    ("ties", TIES),
    ("ties in crowds", {**TIES, "objects": 9, "area": 5, "switched": 25, "ghosts": 5}),
    ("ties and blanks", {**TIES, "objects": 4, "area": 3, "blank": 15, "missed": 30, "frames": 16}),
    ("one frame", {"frames": 1, "objects": 10, "area": 80}),
    ("one object", {"objects": 1, "frames": 25, "ghosts": 1}),
    ("marked", {"marked": 40}),
]
DISTRACTORS = {"classes": [1, 1, 2, 7, 8, 12, 6, 3, 13], "objects": 10, "area": 120, "marked": 10}


def random_cases():
    for name, parameters in FAMILIES:
        for i in range(15):
            # Every third case has several sequences, which are combined.
            seeds = [1000 * i + 7 * k + len(name) for k in range(3 if i % 3 == 2 else 1)]
            yield name, None, [{"generated": {"seed": seed, **parameters}} for seed in seeds]
    for benchmark in ("MOT17", "MOT20"):
        for i in range(8):
            parameters = {**DISTRACTORS, **(TIES if i % 2 else {})}
            yield f"distractors of {benchmark}", benchmark, [{"generated": {"seed": 50 * i + k, **parameters}} for k in range(1 + i % 3)]
    # Enough tracks that sums over pairs of tracks are made of several blocks.
    yield "many tracks", None, [{"generated": {"seed": 5, "objects": 40, "area": 400, "frames": 25, "switched": 12, "jitter": 6}}]
    yield "one of several is empty", None, [
        {"generated": {"seed": 3}},
        {"truth": [], "found": track(2000, [1, 2, 3])},
        {"generated": {"seed": 4, **TIES}},
        {"truth": track(7, [2, 4]), "found": []},
        {"truth": [], "found": []},
    ]


def row(frame, identity, box, confidence=1, class_id=1):
    return [frame, identity, *map(float, box), confidence, class_id]


def track(identity, frames, box=(10, 10, 20, 20)):
    return [row(frame, identity, box) for frame in frames]


def by_hand():
    frames = list(range(1, 7))
    box, apart = (10, 10, 20, 20), (100, 10, 20, 20)
    yield "nothing at all", [], []
    yield "no truth", [], track(1, frames)
    yield "nothing found", track(1, frames), []
    yield "all truth is marked", [row(1, 1, box, 0), row(2, 1, box, 0)], track(1, [1, 2])
    yield "perfect", track(1, frames) + track(2, frames, apart), track(8, frames) + track(9, frames, apart)
    yield "boxes of one frame", track(1, [3]), track(9, [3])
    yield "never in one frame", track(1, [1, 3, 5]), track(1, [2, 4, 6])
    yield "far apart", track(1, frames), track(1, frames, apart)
    yield "IoU of 1/2", track(1, frames, (0, 0, 2, 1)), track(1, frames, (0, 0, 1, 1))
    # 255 / 510.00000000000006 is the number below 1/2: a distance of 1/2 for one package, for the other no IoU of 1/2.
    height = math.nextafter(510, 511)
    yield "IoU of a rounding below 1/2", track(1, frames, (0, 0, 1, 255)), track(1, frames, (0, 0, 1, height))
    yield "IoU of two roundings below 1/2", track(1, frames, (0, 0, 1, 1)), track(1, frames, (0, 0, 1, math.nextafter(2, 3)))
    yield "IoU beyond all tolerance", track(1, frames, (0, 0, 1, 1)), track(1, frames, (0, 0, 1, 2 + 1e-14))
    yield "IoU of each threshold", *(
        [row(k + 1, 1, (0, 0, *size)) for k, size in enumerate(sizes)]
        for sizes in ([(20, 1)] * 19, [(k + 1, 1) for k in range(19)])
    )
    yield "no area", track(1, frames, (5, 5, 0, 10)), track(1, frames, (5, 5, 0, 10))
    yield "negative sizes", track(1, frames, (15, 15, -10, -10)), track(1, frames, (15, 15, -10, -10))
    yield "tiny", track(1, frames, (0, 0, 1e-9, 1e-9)), track(1, frames, (0, 0, 1e-9, 1e-9))
    yield "vast", track(1, frames, (-1e150, 0, 2e150, 1)), track(1, frames, (-1e150, 0, 1.5e150, 1))
    yield "identical boxes", track(1, frames) + track(2, frames) + track(3, frames), track(9, frames) + track(8, frames)
    half = len(frames) // 2
    yield "swap", track(1, frames) + track(2, frames, apart), (
        track(5, frames[:half]) + track(6, frames[half:]) + track(6, frames[:half], apart) + track(5, frames[half:], apart)
    )
    yield "taken over by turns", track(1, range(1, 21)), [row(frame, frame % 2, box) for frame in range(1, 21)]
    yield "a new id each frame", track(1, range(1, 11)), [row(frame, frame, box) for frame in range(1, 11)]
    yield "fragments", track(1, range(1, 31)), track(4, [frame for frame in range(1, 31) if frame % 3])
    # 4 of 5 frames are mostly tracked to one package, partly to the other; 1 of 5 is partly for both.
    yield "four of five", track(1, range(1, 6)) + track(2, range(1, 6), apart), track(1, range(1, 5)) + track(2, [3], apart)
    # The id before the gap is still the partner for one package; the other takes the better box.
    better, worse = (10, 10, 20, 19), (10, 10, 20, 15)
    yield "a better box after a gap", track(1, frames), (
        track(5, [1]) + [row(3, 5, worse), row(3, 6, better), row(4, 5, worse), row(4, 6, better)] + track(6, [5, 6])
    )
    yield "a frame without truth in between", track(1, [1, 3, 4]), track(5, [1, 2]) + [
        row(3, 5, worse), row(3, 6, better), row(4, 6, better)
    ]
    yield "a frame without anything found in between", track(1, frames), track(5, [1, 2]) + [row(4, 5, worse), row(4, 6, better)]
    # One pair of IoU 1, or two pairs that have less together.
    yield "two pairs or a better one", [row(1, 1, (0, 0, 10, 10)), row(1, 2, (0, 4, 10, 10))], [
        row(1, 7, (0, 0, 10, 10)), row(1, 8, (0, -3.4, 10, 10))
    ]
    yield "two of truth want one partner", (
        track(1, [1]) + track(2, [2]) + track(1, [3]) + track(2, [3]) + track(2, [4]) + track(1, [4])
    ), track(5, [1, 2, 3, 4]) + track(6, [4])
    yield "a column alone", [row(f, k, (k % 3, k % 5, 20, 20)) for f in frames for k in range(13)], track(1, frames)
    yield "a row alone", track(1, frames), [row(f, k, (k % 3, k % 5, 20, 20)) for f in frames for k in range(13)]
    yield "rows in no order", track(1, [5, 1, 3, 2, 6]) + track(2, [6, 1], apart), track(3, [6, 2, 5]) + track(1, [1, 3])
    yield "ids with gaps", track(70000, frames) + track(3, frames, apart), track(90001, frames, apart) + track(0, frames)
    yield "in the middle of two", [row(f, k, (10 * k, 0, 10, 10)) for f in frames for k in range(6)], [
        row(f, k, (10 * k + 5, 0, 10, 10)) for f in frames for k in range(6)
    ]


CASES = [
    {"name": f"{name}, {i}", "benchmark": benchmark, "sequences": sequences}
    for i, (name, benchmark, sequences) in enumerate(random_cases())
] + [
    {"name": name, "benchmark": None, "sequences": [{"truth": list(truth), "found": list(found)}]}
    for name, truth, found in by_hand()
]
