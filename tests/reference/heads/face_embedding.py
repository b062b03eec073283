"""Writes mobilefacenet.json: what onnxruntime with OpenCV makes of mobilefacenet_112.onnx and the shared pictures.

    python face_embedding.py [SHARED]

SHARED is the folder with models/ and images/ (default: ../shared beside the repository). Preprocessing as in the repository that the model is from
(diandianti/photo_analyze, nn/nn_run.py): the picture stretched to 112 x 112 by cv2.INTER_LINEAR, RGB, (value - 127) / 128; the output [1, 128]
divided by its length. By picture, all of scenes/ and the first 40 of imagenet/: the vector, 128 little-endian float32, base64.
"""

import base64
import pathlib
import sys

import cv2
import numpy as np
import onnxruntime

import fixture


def main():
    shared = pathlib.Path(sys.argv[1]) if len(sys.argv) > 1 else fixture.REPOSITORY.parent / "shared"
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    session = onnxruntime.InferenceSession(
        str(shared / "models" / "mobilefacenet_112.onnx"), options, providers=["CPUExecutionProvider"]
    )
    paths = sorted((shared / "images" / "scenes").iterdir()) + sorted((shared / "images" / "imagenet").iterdir())[:40]
    pictures = {}
    for path in paths:
        image = cv2.resize(cv2.cvtColor(cv2.imread(str(path)), cv2.COLOR_BGR2RGB), (112, 112), interpolation=cv2.INTER_LINEAR)
        tensor = ((image.astype(np.float32) - 127) / 128).transpose(2, 0, 1)[None]
        vector = session.run(None, {"input": tensor})[0][0].astype(np.float64)
        pictures[path.name] = base64.b64encode((vector / np.linalg.norm(vector)).astype("<f4").tobytes()).decode()
    fixture.write(
        "mobilefacenet",
        {
            "reference": "onnxruntime, divided by the L2 norm",
            "model": "mobilefacenet_112.onnx, 112 x 112, RGB, (value - 127) / 128, stretched by cv2.INTER_LINEAR",
            "madeWith": {"onnxruntime": onnxruntime.__version__, "opencv": cv2.__version__},
            "input": {"name": "input", "shape": [1, 3, 112, 112]},
            "outputs": [{"name": "output", "shape": [1, 128]}],
            "metadata": session.get_modelmeta().custom_metadata_map,
            "options": {},
            "pictures": pictures,
        },
    )


if __name__ == "__main__":
    main()
