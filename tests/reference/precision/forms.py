"""What onnx.checker and ONNX Runtime make of the INT8 and FP8 forms that foveate writes.

    npm run build && python tests/reference/precision/forms.py

writes tests/reference/fixtures/forms.json, of each model (those of ../shared/models where they are there, and the examples):
  planned: the nodes that each form is to compute in eight bits, by operator
  optimized: of the form for ONNX Runtime, once its optimisations are done: integer operators, by how many
  float: convolutions and matrix products that are left in float there: how many
  requantized: weights that ONNX Runtime has quantised itself, one scale for all channels, which a form is to prevent: names
onnx.checker has accepted all forms, or nothing is written. Pins: ../requirements.txt.
"""

import json
import subprocess
import tempfile
from collections import Counter
from pathlib import Path

import onnx
import onnxruntime

HERE = Path(__file__).resolve().parent
ROOT = HERE.parents[2]
PRODUCTS = {"Conv", "FusedConv", "NhwcFusedConv", "Gemm", "FusedGemm", "MatMul", "FusedMatMul", "ConvTranspose"}


def optimized(form, folder):
    options = onnxruntime.SessionOptions()
    options.optimized_model_filepath = str(folder / "optimized.onnx")
    options.log_severity_level = 3
    onnxruntime.InferenceSession(str(form), options, providers=["CPUExecutionProvider"])
    return onnx.load(folder / "optimized.onnx")


def describe(path, folder):
    written = subprocess.run(
        ["node", HERE / "forms.mjs", path, folder], check=True, capture_output=True, text=True, cwd=ROOT
    ).stdout
    planned = json.loads(written)
    for form in planned:
        onnx.checker.check_model(str(folder / f"{form}.onnx"), full_check=True)
    graph = optimized(folder / "onnxruntime.onnx", folder).graph
    nodes = Counter(node.op_type for node in graph.node)
    own = {tensor.name for tensor in onnx.load(folder / "onnxruntime.onnx").graph.initializer}
    requantized = sorted(
        tensor.name
        for tensor in graph.initializer
        if tensor.name not in own and tensor.data_type in (onnx.TensorProto.INT8, onnx.TensorProto.UINT8) and tensor.dims
        and "int8" not in tensor.name
    )
    return {
        "planned": planned,
        "optimized": {name: count for name, count in sorted(nodes.items()) if name.startswith("Q") or name.startswith("Nhwc")
                      or name in ("DequantizeLinear", "MatMulIntegerToFloat")},
        "float": sum(count for name, count in nodes.items() if name in PRODUCTS),
        "requantized": requantized,
    }


def main():
    shared = [path for path in sorted((ROOT / "../shared/models").glob("*.onnx")) if "dynq" not in path.name]
    answers = {}
    for path in [*sorted((ROOT / "examples/models").glob("*.onnx")), *shared]:
        with tempfile.TemporaryDirectory() as folder:
            answers[path.stem] = describe(path, Path(folder))
    out = ROOT / "tests/reference/fixtures/forms.json"
    out.write_text(json.dumps(answers, indent=1) + "\n")


if __name__ == "__main__":
    main()
