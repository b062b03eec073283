"""ONNX export, metadata, and the proof that ONNX Runtime computes what torch computes."""

import io
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import onnx
import onnxruntime
import torch
from torch import nn

OPSET = 17
TOLERANCE = 1e-4
SIZE_LIMIT_BYTES = 2_000_000


@dataclass(frozen=True)
class Description:
    """What the file says about itself."""

    task: str
    names: Sequence[str]
    input_name: str
    output_name: str
    size: int
    """Input height and width in pixels"""
    stride: int | None = None

    def metadata(self) -> dict[str, str]:
        """The custom metadata of YOLO exports: Python literals as text."""
        entries = {
            "description": f"foveate demo model, task {self.task}, synthetic shapes",
            "task": self.task,
            "names": str(dict(enumerate(self.names))),
            "imgsz": str([self.size, self.size]),
        }
        if self.stride is not None:
            entries["stride"] = str(self.stride)
        return entries


def export(model: nn.Module, description: Description, path: Path) -> None:
    """Writes an FP32 model with a dynamic batch axis; weights only, no source path."""
    model.eval()
    buffer = io.BytesIO()
    sample = torch.zeros(2, 3, description.size, description.size)
    torch.onnx.export(
        model,
        sample,
        buffer,
        opset_version=OPSET,
        input_names=[description.input_name],
        output_names=[description.output_name],
        dynamic_axes={description.input_name: {0: "batch"}, description.output_name: {0: "batch"}},
    )
    exported = onnx.load_from_string(buffer.getvalue())
    exported.doc_string = ""
    exported.graph.doc_string = ""
    exported.graph.name = path.stem
    for node in exported.graph.node:
        node.doc_string = ""
    _drop_identities(exported.graph)
    # torch names every dimension of an output that follows a Concat; only the batch is unknown.
    with torch.no_grad():
        sizes = model(sample).shape[1:]
    for dimension, size in zip(exported.graph.output[0].type.tensor_type.shape.dim[1:], sizes, strict=True):
        dimension.dim_value = size
    onnx.helper.set_model_props(exported, description.metadata())
    onnx.checker.check_model(exported, full_check=True)
    data = exported.SerializeToString(deterministic=True)
    if len(data) > SIZE_LIMIT_BYTES:
        raise ValueError(f"{path.name}: expected at most {SIZE_LIMIT_BYTES} bytes, got {len(data)}")
    path.write_bytes(data)


def _drop_identities(graph: onnx.GraphProto) -> None:
    """torch passes a weight that several layers share through Identity nodes; every layer then reads the weight itself."""
    sources = {node.output[0]: node.input[0] for node in graph.node if node.op_type == "Identity"}
    kept = [node for node in graph.node if node.op_type != "Identity"]
    for node in kept:
        node.input[:] = [sources.get(name, name) for name in node.input]
    del graph.node[:]
    graph.node.extend(kept)


def count_parameters(path: Path) -> int:
    """Values stored in the file. Batch norm is folded into the convolutions by the export."""
    return sum(int(np.prod(tensor.dims)) for tensor in onnx.load(path).graph.initializer)


def open_session(path: Path) -> onnxruntime.InferenceSession:
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 2
    return onnxruntime.InferenceSession(path, options, providers=["CPUExecutionProvider"])


def verify(model: nn.Module, path: Path, pictures: torch.Tensor) -> float:
    """Largest difference between torch and ONNX Runtime over a batch of 1 and one of 3, from pictures [n, 3, H, W]."""
    model.eval()
    session = open_session(path)
    worst = 0.0
    for batch in (1, 3):
        with torch.no_grad():
            expected = model(pictures[:batch]).numpy()
        received = session.run(None, {session.get_inputs()[0].name: pictures[:batch].contiguous().numpy()})[0]
        if received.shape != expected.shape:
            raise ValueError(f"{path.name}: expected shape {expected.shape}, got {received.shape}")
        difference = float(np.abs(received - expected).max())
        print(f"{path.name}: batch {batch}: {list(received.shape)}, max |onnxruntime - torch| = {difference:.2e}", flush=True)
        worst = max(worst, difference)
    if not worst < TOLERANCE:
        raise ValueError(f"{path.name}: expected a difference below {TOLERANCE}, got {worst}")
    return worst
