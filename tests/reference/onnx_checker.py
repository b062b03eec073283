"""Writes tests/reference/fixtures/onnx_checker.json: what onnx.checker and onnxruntime say of the files that this project writes. Needs `npm run build:ts`.

By model, those of examples/models and, where they are, those of ../shared/models, and by pass (onnx_checker.mjs): the SHA-256 of each file and the
verdict, 'accepted' where onnx.checker.check_model takes it with full_check and onnxruntime makes a session of it, else what they said; or only the code
with which the project refuses the model.
"""

import json
import pathlib
import subprocess
import tempfile

import onnx
import onnxruntime

HERE = pathlib.Path(__file__).resolve().parent
ROOT = HERE.parent.parent
FOLDERS = {"examples": ROOT / "examples" / "models", "shared": ROOT.parent / "shared" / "models"}


# ONNX Runtime has no kernels of bfloat16 for a CPU: onnx.checker alone is asked.
WITHOUT_KERNELS = {"writeHalfForm, BF16"}
# Its optimisations stumble over a Clip before FP8, and make a QLinearConcat of one between Q and DQ of FP16, for which there is none.
UNOPTIMIZED = {"writeTensorRtForm, FP8", "writeMixedForm", "writeMixedForm, a third in float32"}


def verdict(path, name):
    try:
        onnx.checker.check_model(str(path), full_check=True)
    except Exception as error:
        return f"onnx.checker: {error}"
    if name in WITHOUT_KERNELS:
        return "accepted"
    try:
        options = onnxruntime.SessionOptions()
        options.log_severity_level = 3
        if name in UNOPTIMIZED:
            options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_DISABLE_ALL
        onnxruntime.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])
    except Exception as error:
        return f"onnxruntime: {error}"
    return "accepted"


def checked(model):
    with tempfile.TemporaryDirectory() as folder:
        command = ["node", str(HERE / "onnx_checker.mjs"), str(model), folder]
        written = json.loads(subprocess.run(command, check=True, stdout=subprocess.PIPE).stdout)
        verdicts = {}
        for name, files in written.items():
            if isinstance(files, str):
                verdicts[name] = {"refused": files}
                continue
            path = next(file for file in files if file.endswith(".onnx"))
            verdicts[name] = {"sha256": files, "verdict": verdict(pathlib.Path(folder) / path, name)}
            print(model.name, name, verdicts[name]["verdict"][:300], flush=True)
        return verdicts


answers = {"onnx": onnx.__version__, "onnxruntime": onnxruntime.__version__}
for kind, folder in FOLDERS.items():
    answers[kind] = {model.name: checked(model) for model in sorted(folder.glob("*.onnx"))}
(HERE / "fixtures" / "onnx_checker.json").write_text(json.dumps(answers, indent=1) + "\n")
