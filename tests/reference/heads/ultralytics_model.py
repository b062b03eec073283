"""Ultralytics models with random weights: exported as users export them, run, and read by the package's own predictors."""

import os
import pathlib
import tempfile
import types

os.environ.update(YOLO_AUTOINSTALL="false", YOLO_OFFLINE="true", YOLO_VERBOSE="false", YOLO_CONFIG_DIR=tempfile.gettempdir())

import numpy as np
import onnxruntime
import torch
import ultralytics
from ultralytics import RTDETR, YOLO
from ultralytics.models.rtdetr import RTDETRPredictor
from ultralytics.models.yolo.detect import DetectionPredictor
from ultralytics.models.yolo.obb import OBBPredictor
from ultralytics.models.yolo.pose import PosePredictor
from ultralytics.models.yolo.segment import SegmentationPredictor

VERSION = ultralytics.__version__
PREDICTORS = {
    "detect": DetectionPredictor,
    "segment": SegmentationPredictor,
    "pose": PosePredictor,
    "obb": OBBPredictor,
    "rtdetr": RTDETRPredictor,
}
NAMES = ["lorry", "bicycle", "street light", "dog's lead", "café", "person"]


def names(count):
    return dict(enumerate(NAMES[:count]))


def awaken(model, size):
    """Fits the batch normalisations to random input: with the untrained ones every activation fades to nothing."""
    model.train()
    with torch.no_grad():
        for _ in range(20):
            model(torch.rand(4, 3, size, size))


def export(architecture, size, classes, **changed):
    """Exports the architecture (seed 0): the PyTorch model, its outputs for one seeded input, and the fixture's first fields.

    `changed` is passed to the exporter; `kpt_shape` goes into the architecture instead.
    """
    configuration = {"nc": classes, **({"kpt_shape": changed.pop("kpt_shape")} if "kpt_shape" in changed else {})}
    torch.manual_seed(0)
    yolo = RTDETR(f"{architecture}.yaml") if "rtdetr" in architecture else YOLO(f"{architecture}.yaml", verbose=False)
    built = type(yolo.model)({**yolo.model.yaml, **configuration}, verbose=False)
    built.args, built.task, built.names = yolo.model.args, yolo.model.task, names(classes)
    awaken(built, size)
    yolo.model = built.eval()
    with tempfile.TemporaryDirectory() as folder:
        yolo.model.pt_path = str(pathlib.Path(folder) / f"{architecture}.pt")
        file = yolo.export(format="onnx", imgsz=size, simplify=False, **changed)
        session = onnxruntime.InferenceSession(file, providers=["CPUExecutionProvider"])
        image = np.random.default_rng(0).random((1, 3, size, size), np.float32)
        values = session.run(None, {"images": image})
        metadata = dict(session.get_modelmeta().custom_metadata_map)
        pathlib.Path(file).unlink()
    del metadata["date"]
    record = {
        "model": f"{architecture}, random weights, seed 0, {size} x {size}, {classes} classes",
        "input": {"name": "images", "shape": [1, 3, size, size]},
        "outputs": [{"name": info.name, "shape": list(info.shape)} for info in session.get_outputs()],
        "metadata": dict(sorted(metadata.items())),
        "options": {},
    }
    return yolo.model, values, record


def predict(task, raw, input_size, source, settings, classes, kpt_shape=None, end2end=False):
    """What the predictor of the task makes of the raw outputs for a picture of `source` = (width, height): its Results."""
    predictor = PREDICTORS[task](
        overrides={
            "conf": settings["scoreThreshold"],
            "iou": settings["iouThreshold"],
            "agnostic_nms": settings["classAgnostic"],
            "max_det": settings["maxDetections"],
            "retina_masks": True,  # masks of the source's size
        }
    )
    predictor.model = types.SimpleNamespace(names=names(classes), end2end=end2end, kpt_shape=kpt_shape)
    predictor.batch = (["picture"],)
    tensors = [torch.from_numpy(value.copy()) for value in raw.values()]
    picture = np.zeros((source[1], source[0], 3), np.uint8)
    preds = tensors[0] if len(tensors) == 1 else tensors
    return predictor.postprocess(preds, torch.zeros(1, 3, input_size, input_size), [picture])[0]
