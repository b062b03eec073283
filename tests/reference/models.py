"""Writes tests/reference/fixtures/models: what onnxruntime with OpenCV and Pillow makes of the shared models and pictures.

    python models.py [SHARED]

SHARED is the folder with models/ and images/ (default: ../shared beside the repository). No model and no picture is kept, only results.
onnxruntime is the release that the carrier holds (requirements.txt), with one thread, as in the test.

outputs.json    by model: for an input made by the generator below, each output's name, dims, largest magnitude, and SAMPLES values of it.
                Element i of the input is state >> 8, divided by 2^24, times the model's input range; sample i of an output lies at
                floor(state / 2^32 * size), the state starting as 1 for each, and stepping before each use as in pictures.py.
mobilenetv2.json  by picture: top-1 class and the margin of its probability over the second's.
yolov8n.json, yolox_nano.json  by picture: boxes (xyxy, pixels), scores and class ids, score >= 0.25, after suppression at IoU 0.45.
prisma.json     by picture: width, height and mask, one bit a pixel, row by row, deflated, base64.
"""

import base64
import json
import pathlib
import sys
import zlib

import cv2
import numpy as np
import onnxruntime
from PIL import Image, ImageOps

REPOSITORY = pathlib.Path(__file__).resolve().parents[2]
FIXTURES = REPOSITORY / "tests" / "reference" / "fixtures" / "models"
SAMPLES = 2048
SCORE, IOU = 0.25, 0.45

# Input shape and range of values: what the model's own preprocessing would give.
MODELS = {
    "yolov8n_fp32": ((1, 3, 640, 640), 1.0),
    "yolox_nano_416": ((1, 3, 416, 416), 255.0),
    "mobilenetv2_fp32": ((1, 3, 224, 224), 1.0),
    "prisma_portrait_seg_256": ((1, 3, 256, 256), 1.0),
}


def states(count):
    """The first `count` states after 1 of the linear congruential generator, as uint32."""
    values = np.empty(count, np.uint64)
    state = 1
    for i in range(count):
        state = (state * 1664525 + 1013904223) & 0xFFFFFFFF
        values[i] = state
    return values


def session(shared, name):
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    options.inter_op_num_threads = 1
    return onnxruntime.InferenceSession(str(shared / "models" / f"{name}.onnx"), options, providers=["CPUExecutionProvider"])


def run(model, tensor):
    return model.run(None, {model.get_inputs()[0].name: np.ascontiguousarray(tensor, np.float32)})


def raw_outputs(model, shape, value_range):
    size = int(np.prod(shape))
    tensor = ((states(size) >> np.uint64(8)).astype(np.float32) / np.float32(2**24) * np.float32(value_range)).reshape(shape)
    record = {}
    for info, output in zip(model.get_outputs(), run(model, tensor)):
        flat = output.ravel()
        places = (states(SAMPLES) * np.uint64(flat.size) >> np.uint64(32)).astype(np.int64)
        record[info.name] = {
            "dims": list(output.shape),
            "largest": float(np.abs(flat).max()),
            "samples": base64.b64encode(flat[places].astype("<f4").tobytes()).decode(),
        }
    return record


def letterbox(image, size, center):
    """Resized picture on grey 114, its scale and its left and top edge: Ultralytics' when centred, Megvii's at the top left."""
    height, width = image.shape[:2]
    ratio = min(size / width, size / height)
    if center:
        new_width, new_height = round(width * ratio), round(height * ratio)
        left, top = round((size - new_width) / 2 - 0.1), round((size - new_height) / 2 - 0.1)
    else:
        new_width, new_height, left, top = int(width * ratio), int(height * ratio), 0, 0
    canvas = np.full((size, size, 3), 114, np.uint8)
    canvas[top : top + new_height, left : left + new_width] = cv2.resize(image, (new_width, new_height), interpolation=cv2.INTER_LINEAR)
    return canvas, new_width / width, new_height / height, left, top


def suppress(boxes, scores, classes):
    """Greedy, within each class: highest score first, whatever overlaps it by more than IOU goes."""
    order = np.argsort(-scores, kind="stable")
    area = (boxes[:, 2] - boxes[:, 0]) * (boxes[:, 3] - boxes[:, 1])
    kept = []
    for i in order:
        suppressed = False
        for j in kept:
            if classes[i] != classes[j]:
                continue
            w = min(boxes[i, 2], boxes[j, 2]) - max(boxes[i, 0], boxes[j, 0])
            h = min(boxes[i, 3], boxes[j, 3]) - max(boxes[i, 1], boxes[j, 1])
            overlap = max(w, 0) * max(h, 0)
            if overlap > IOU * (area[i] + area[j] - overlap):
                suppressed = True
                break
        if not suppressed:
            kept.append(i)
    return kept


def detections(cxcywh, scores, image, scale_x, scale_y, left, top):
    classes = scores.argmax(1)
    best = scores.max(1)
    passed = best >= SCORE
    cxcywh, best, classes = cxcywh[passed], best[passed], classes[passed]
    boxes = np.concatenate([cxcywh[:, :2] - cxcywh[:, 2:] / 2, cxcywh[:, :2] + cxcywh[:, 2:] / 2], 1)
    kept = suppress(boxes, best, classes)
    boxes = (boxes[kept] - [left, top, left, top]) / [scale_x, scale_y, scale_x, scale_y]
    height, width = image.shape[:2]
    boxes = boxes.clip([0, 0, 0, 0], [width, height, width, height])
    return {
        "boxes": [[round(float(v), 3) for v in box] for box in boxes],
        "scores": [round(float(v), 5) for v in best[kept]],
        "classIds": [int(v) for v in classes[kept]],
    }


def detect_yolov8(model, path):
    image = cv2.imread(str(path))
    canvas, *place = letterbox(image, 640, center=True)
    tensor = canvas[:, :, ::-1].transpose(2, 0, 1)[None].astype(np.float32) / 255
    output = run(model, tensor)[0][0].T
    return detections(output[:, :4], output[:, 4:], image, *place)


def detect_yolox(model, path):
    image = cv2.imread(str(path))
    canvas, *place = letterbox(image, 416, center=False)
    output = run(model, canvas.transpose(2, 0, 1)[None].astype(np.float32))[0][0]
    grids, strides = [], []
    for stride in (8, 16, 32):
        ys, xs = np.mgrid[: 416 // stride, : 416 // stride]
        grids.append(np.stack([xs.ravel(), ys.ravel()], 1))
        strides.append(np.full((grids[-1].shape[0], 1), stride))
    grid, stride = np.concatenate(grids), np.concatenate(strides)
    centers = (output[:, :2] + grid) * stride
    sizes = np.exp(output[:, 2:4]) * stride
    return detections(np.concatenate([centers, sizes], 1), output[:, 4:5] * output[:, 5:], image, *place)


def classify(model, path):
    image = ImageOps.exif_transpose(Image.open(path)).convert("RGB")
    width, height = image.size
    size = (256, int(256 * height / width)) if width <= height else (int(256 * width / height), 256)
    image = image.resize(size, Image.Resampling.BILINEAR)
    left, top = int(round((size[0] - 224) / 2.0)), int(round((size[1] - 224) / 2.0))
    pixels = np.asarray(image.crop((left, top, left + 224, top + 224)), np.float32) / 255
    tensor = (pixels - np.float32([0.485, 0.456, 0.406])) / np.float32([0.229, 0.224, 0.225])
    logits = run(model, tensor.transpose(2, 0, 1)[None])[0][0].astype(np.float64)
    probabilities = np.exp(logits - logits.max())
    probabilities /= probabilities.sum()
    top_two = np.argsort(-probabilities, kind="stable")[:2]
    return {"top": int(top_two[0]), "margin": round(float(probabilities[top_two[0]] - probabilities[top_two[1]]), 6)}


def segment(model, path):
    image = cv2.imread(str(path))
    height, width = image.shape[:2]
    tensor = cv2.resize(image[:, :, ::-1], (256, 256), interpolation=cv2.INTER_LINEAR).transpose(2, 0, 1)[None].astype(np.float32) / 255
    scores = run(model, tensor)[0][0, 0]
    mask = cv2.resize(scores, (width, height), interpolation=cv2.INTER_LINEAR) >= 0.5
    bits = base64.b64encode(zlib.compress(np.packbits(mask).tobytes(), 9)).decode()
    return {"width": width, "height": height, "mask": bits}


def write(name, record):
    FIXTURES.mkdir(parents=True, exist_ok=True)
    versions = {"onnxruntime": onnxruntime.__version__, "opencv": cv2.__version__, "pillow": Image.__version__}
    (FIXTURES / name).write_text(json.dumps({"madeWith": versions, **record}, separators=(",", ":")) + "\n")


def main():
    shared = pathlib.Path(sys.argv[1]) if len(sys.argv) > 1 else REPOSITORY.parent / "shared"
    scenes = sorted((shared / "images" / "scenes").iterdir())
    imagenet = sorted((shared / "images" / "imagenet").iterdir())
    models = {name: session(shared, name) for name in MODELS}
    write("outputs.json", {"models": {name: raw_outputs(models[name], *MODELS[name]) for name in MODELS}})
    tasks = {
        "mobilenetv2": (classify, "mobilenetv2_fp32", imagenet),
        "yolov8n": (detect_yolov8, "yolov8n_fp32", scenes),
        "yolox_nano": (detect_yolox, "yolox_nano_416", scenes),
        "prisma": (segment, "prisma_portrait_seg_256", scenes),
    }
    for name, (task, model, pictures) in tasks.items():
        write(f"{name}.json", {"pictures": {path.name: task(models[model], path) for path in pictures}})
        print(f"{name}: {len(pictures)} pictures")


if __name__ == "__main__":
    main()
