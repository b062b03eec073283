"""Writes ultraface.json: the faces that Ultra-Light-Fast-Generic-Face-Detector-1MB's own code finds in the shared pictures.

    python ultraface.py CHECKOUT [SHARED]

CHECKOUT is a copy of github.com/Linzaer/Ultra-Light-Fast-Generic-Face-Detector-1MB (commit dffdddd), SHARED the folder with models/ and images/
(default: ../shared beside the repository). The model (ultraface_rfb_320.onnx) runs on onnxruntime with one thread; priors, decoding, preprocessing
and suppression are the checkout's, scores over 0.7, IoU 0.3. The model is at hand, so no raw output is kept.

scores [1, 4420, 2] are probabilities, class 0 the background; boxes [1, 4420, 4] are offsets from the priors. Only the 1500 best candidates are
suppressed, as upstream's detect_imgs.py has it. By picture: boxes in pixels, clipped to it here, and scores.
"""

import contextlib
import io
import pathlib
import sys

import cv2
import onnxruntime
import torch

import fixture

SCORE, IOU, CANDIDATES = 0.7, 0.3, 1500


class Network(torch.nn.Module):
    """The ONNX model with the decoding that upstream's SSD.forward does in its test mode."""

    def __init__(self, file, config, box_utils):
        super().__init__()
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads, options.log_severity_level = 1, 3
        self.session = onnxruntime.InferenceSession(str(file), options, providers=["CPUExecutionProvider"])
        self.config, self.box_utils = config, box_utils

    def forward(self, images):
        scores, locations = (torch.from_numpy(output) for output in self.session.run(["scores", "boxes"], {"input": images.numpy()}))
        boxes = self.box_utils.convert_locations_to_boxes(
            locations, self.config.priors, self.config.center_variance, self.config.size_variance
        )
        return scores, self.box_utils.center_form_to_corner_form(boxes)


def main():
    if len(sys.argv) < 2:
        raise SystemExit(__doc__)
    shared = pathlib.Path(sys.argv[2]) if len(sys.argv) > 2 else fixture.REPOSITORY.parent / "shared"
    sys.path.append(sys.argv[1])
    from vision.ssd.config import fd_config
    from vision.ssd.predictor import Predictor
    from vision.utils import box_utils

    with contextlib.redirect_stdout(io.StringIO()):  # upstream prints
        fd_config.define_img_size(320)
    network = Network(shared / "models" / "ultraface_rfb_320.onnx", fd_config, box_utils)
    predictor = Predictor(
        network, fd_config.image_size, fd_config.image_mean_test, fd_config.image_std, iou_threshold=IOU, candidate_size=CANDIDATES
    )
    pictures = {}
    for path in sorted((shared / "images" / "scenes").iterdir()):
        image = cv2.cvtColor(cv2.imread(str(path)), cv2.COLOR_BGR2RGB)
        height, width = image.shape[:2]
        with contextlib.redirect_stdout(io.StringIO()):
            boxes, _, scores = predictor.predict(image, prob_threshold=SCORE)
        boxes = boxes.reshape(-1, 4).numpy().clip(0, [width, height, width, height])
        pictures[path.name] = {"width": width, "height": height, "boxes": fixture.rounded(boxes, 3), "scores": fixture.rounded(scores, 5)}
    strides = [list(pair) for pair in zip(*fd_config.shrinkage_list)]
    levels = [{"stride": stride, "sizes": [[size, size] for size in sizes]} for stride, sizes in zip(strides, fd_config.min_boxes)]
    info = [(value.name, value.shape) for value in network.session.get_outputs()]
    fixture.write(
        "ultraface",
        {
            "reference": "Linzaer/Ultra-Light-Fast-Generic-Face-Detector-1MB dffdddd, Predictor.predict",
            "model": "ultraface_rfb_320.onnx, 320 x 240, RGB, (value - 127) / 128, stretched by cv2.INTER_LINEAR",
            "madeWith": {"onnxruntime": onnxruntime.__version__, "opencv": cv2.__version__},
            "input": {"name": network.session.get_inputs()[0].name, "shape": network.session.get_inputs()[0].shape},
            "outputs": [{"name": name, "shape": shape} for name, shape in info],
            "metadata": network.session.get_modelmeta().custom_metadata_map,
            "options": {
                "head": "ssd",
                "scores": "probabilities",
                "priors": {"levels": levels, "variances": [fd_config.center_variance, fd_config.size_variance]},
                "scoreThreshold": SCORE,
                "iouThreshold": IOU,
            },
            "priors": fixture.deflate(fd_config.priors.numpy()),
            "pictures": pictures,
        },
    )


if __name__ == "__main__":
    main()
