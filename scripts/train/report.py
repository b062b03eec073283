"""Writes metrics.json and the README beside the models, from what was measured."""

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

from shapes import CLASS_NAMES

METRIC_NAMES = {"top1": "top-1", "map50": "mAP50", "map50_95": "mAP50-95", "miou": "mIoU"}

INTRODUCTION = """# Demo models

Three small networks that look for six shapes in drawn pictures: {classes}.
They serve the demo and the tests and are imperfect by design: some shapes are hidden, faint or blurred.
All pictures they learned from are drawn by `scripts/train`; nothing comes from outside.
FP32, opset 17, dynamic batch, class names in the metadata entry `names`.
"""


@dataclass(frozen=True)
class Measurement:
    """One model, as measured by the run that made the file."""

    file: str
    size_bytes: int
    parameters: int
    metrics: dict[str, float]
    warm_up_scenes: int
    train_scenes: int
    held_out_scenes: int
    warm_up_epochs: int
    epochs: int
    draw_seconds: float
    train_seconds: float
    max_difference_to_torch: float
    input: str
    output: str
    output_meaning: str
    preprocessing: str


def write_report(folder: Path, measurement: Measurement) -> None:
    """Adds or replaces one model's numbers; the other models keep theirs."""
    metrics_path = folder / "metrics.json"
    known = json.loads(metrics_path.read_text())["models"] if metrics_path.exists() else []
    others = [Measurement(**entry) for entry in known if entry["file"] != measurement.file]
    ordered = sorted([*others, measurement], key=lambda m: m.file)
    metrics_path.write_text(json.dumps({"models": [asdict(m) for m in ordered]}, indent=2) + "\n")
    (folder / "README.md").write_text(_readme(ordered))


def _readme(measurements: Sequence[Measurement]) -> str:
    lines = [
        INTRODUCTION.format(classes=", ".join(CLASS_NAMES)),
        "| file | size | input, per picture | output, per picture | held-out accuracy | training |",
        "| --- | --- | --- | --- | --- | --- |",
    ]
    for m in measurements:
        accuracy = ", ".join(f"{METRIC_NAMES[name]} {value:.3f}" for name, value in m.metrics.items())
        columns = [
            f"`{m.file}`",
            f"{m.size_bytes / 1e6:.2f} MB, {m.parameters:,} parameters",
            m.input,
            f"{m.output}: {m.output_meaning}",
            f"{accuracy} ({m.held_out_scenes} scenes)",
            f"{m.train_seconds / 60:.1f} min: {m.warm_up_epochs} epochs of {m.warm_up_scenes} easy scenes, "
            f"{m.epochs} of {m.train_scenes} others",
        ]
        lines.append(f"| {' | '.join(columns)} |")
    lines += ["", "Preprocessing:", ""]
    lines += [f"- `{m.file}`: {m.preprocessing}" for m in measurements]
    worst = max(m.max_difference_to_torch for m in measurements)
    lines += [
        "",
        "Accuracy is that of the exported file in ONNX Runtime, on scenes from a seed range that training never draws from.",
        "mAP is interpolated at 101 recall points, as COCO does; mIoU counts the background as a class. Times were taken on two",
        f"shared CPU cores. ONNX Runtime and the trainer differ by at most {worst:.1e} on any output value.",
        "",
        "To train again, see [scripts/train](../../scripts/train/README.md). The same numbers are in `metrics.json`.",
        "",
    ]
    return "\n".join(lines)
