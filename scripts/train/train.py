"""Draws the data, trains the three demo models, exports, verifies and measures them, writes the example pictures."""

import argparse
import os
import time
from collections.abc import Iterator, Sequence
from pathlib import Path

# Threads that wait for each other asleep instead of spinning: the machine may be shared.
os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")

import numpy as np
import torch
from torch import Tensor, nn

import dataset
from dataset import Scene, Split
from export import count_parameters, export, open_session, verify
from label_files import write_label_files
from pictures import write_pictures
from report import Measurement, write_report
from tasks import TASKS, Plan, Symmetry, Task, stack_images

EXAMPLES = Path(__file__).resolve().parents[2] / "examples"


class Batches:
    """Shuffled, augmented batches of a set of scenes."""

    def __init__(self, task: Task, scenes: Sequence[Scene], size: int, generator: torch.Generator) -> None:
        self.task, self.size, self.generator = task, size, generator
        self.images, self.targets = stack_images(scenes), task.targets(scenes)
        self.steps = len(scenes) // size

    def epoch(self) -> Iterator[tuple[Tensor, tuple[Tensor, ...], Symmetry]]:
        order = torch.randperm(len(self.images), generator=self.generator)
        for rows in order[: self.steps * self.size].split(self.size):
            symmetry = Symmetry(self.generator)
            images = self.task.to_input(symmetry.images(self.images[rows]))
            yield images.contiguous(memory_format=torch.channels_last), tuple(t[rows] for t in self.targets), symmetry


def train(task: Task, plan: Plan, warm_up: Sequence[Scene], scenes: Sequence[Scene]) -> nn.Module:
    """AdamW under a one-cycle schedule, easy scenes first. All randomness comes from one seed."""
    torch.manual_seed(dataset.SEED)
    generator = torch.Generator().manual_seed(dataset.SEED)
    model = task.network().to(memory_format=torch.channels_last).train()
    stages = [Batches(task, part, plan.batch, generator) for part in (warm_up, scenes)]
    stages = [stages[0]] * plan.warm_up_epochs + [stages[1]] * plan.epochs
    steps = sum(stage.steps for stage in stages)
    optimizer = torch.optim.AdamW(model.parameters(), lr=plan.peak_rate, weight_decay=0.02)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, plan.peak_rate, total_steps=steps, pct_start=0.1, div_factor=2.5)
    for number, stage in enumerate(stages, 1):
        started, total = time.perf_counter(), 0.0
        for images, targets, symmetry in stage.epoch():
            loss = task.loss(model, images, targets, symmetry)
            optimizer.zero_grad(set_to_none=True)
            loss.backward()
            nn.utils.clip_grad_norm_(model.parameters(), 10.0)
            optimizer.step()
            schedule.step()
            total += float(loss)
        seconds = time.perf_counter() - started
        print(f"{task.name}: epoch {number}/{len(stages)}, loss {total / stage.steps:.4f}, {seconds:.0f} s", flush=True)
    return model.to(memory_format=torch.contiguous_format).eval()


def held_out_outputs(path: Path, inputs: Tensor) -> np.ndarray:
    """What the exported file, not the network in memory, says about the held-out scenes."""
    session = open_session(path)
    name = session.get_inputs()[0].name
    return np.concatenate([session.run(None, {name: part.numpy()})[0] for part in inputs.split(50)])


def build(task: Task, plan: Plan, folder: Path, threads: int) -> Measurement:
    started = time.perf_counter()
    warm_up = task.draw(Split.WARM_UP, plan.warm_up_scenes, threads)
    train_scenes = task.draw(Split.TRAIN, plan.train_scenes, threads)
    held_out = task.draw(Split.HELD_OUT, plan.held_out_scenes, threads)
    drawn = time.perf_counter()
    drawn_scenes = f"{len(warm_up)} + {len(train_scenes)} + {len(held_out)} scenes"
    print(f"{task.name}: {drawn_scenes} drawn in {drawn - started:.0f} s", flush=True)
    model = train(task, plan, warm_up, train_scenes)
    trained = time.perf_counter()
    path = folder / f"shapes-{task.name}.onnx"
    export(model, task.description, path)
    inputs = task.to_input(stack_images(held_out))
    difference = verify(model, path, inputs)
    outputs = held_out_outputs(path, inputs)
    metrics = {name: round(value, 4) for name, value in task.metrics(outputs, held_out).items()}
    print(f"{task.name}: {metrics} on {len(held_out)} held-out scenes, trained in {trained - drawn:.0f} s", flush=True)
    return Measurement(
        file=path.name,
        size_bytes=path.stat().st_size,
        parameters=count_parameters(path),
        metrics=metrics,
        warm_up_scenes=len(warm_up),
        train_scenes=len(train_scenes),
        held_out_scenes=len(held_out),
        warm_up_epochs=plan.warm_up_epochs,
        epochs=plan.epochs,
        draw_seconds=round(drawn - started, 1),
        train_seconds=round(trained - drawn, 1),
        max_difference_to_torch=difference,
        input=f"`{task.description.input_name}` float32 {list(inputs.shape[1:])}",
        output=f"`{task.description.output_name}` float32 {list(outputs.shape[1:])}",
        output_meaning=task.output,
        preprocessing=task.preprocessing,
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument(
        "--quick", action="store_true", help="seconds of training, to see that all of it runs; the models are useless"
    )
    parser.add_argument("--only", choices=[t.name for t in TASKS], help="train one model and leave the others as they are")
    parser.add_argument("--pictures-only", action="store_true", help="train nothing, only draw the example pictures")
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--output", type=Path, default=EXAMPLES, help="folder that gets models/ and pictures/")
    arguments = parser.parse_args()
    torch.set_num_threads(arguments.threads)
    torch.use_deterministic_algorithms(True)
    models_folder, pictures_folder = arguments.output / "models", arguments.output / "pictures"
    for folder in (models_folder, pictures_folder):
        folder.mkdir(parents=True, exist_ok=True)
    for task in TASKS:
        if not arguments.pictures_only and arguments.only in (None, task.name):
            plan = task.plan.quick() if arguments.quick else task.plan
            write_report(models_folder, build(task, plan, models_folder, arguments.threads))
    write_pictures(pictures_folder)
    write_label_files(pictures_folder)


if __name__ == "__main__":
    main()
