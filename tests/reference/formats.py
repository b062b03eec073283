"""Writes the fixtures of tests/reference/fixtures/formats: small pictures of every kind, and what Pillow makes of them.

    python formats.py

The pictures are made here, from formulas. Deterministic: the same packages (requirements.txt) write the same bytes.

NAME.png, .jpg, ...   the pictures
profiles/NAME.icc     the ICC profiles in them
formats.json          by picture, what Pillow reads. Each is { width, height, pixels }, pixels being base64 of RGB, row by row:
    ignored    profiles ignored: convert("RGB") of the first frame, of 16 bits the upper eight
    converted  with a profile: converted to sRGB by littlecms, perceptually
What is not to be read at all has neither.
"""

import base64
import io
import json
import pathlib

import numpy as np
import PIL
from PIL import Image, ImageCms
from written_files import (
    ADOBE_RGB,
    DISPLAY_P3,
    SRGB,
    cmyk_profile,
    gamma_curve,
    grey_profile,
    linear_curve,
    matrix_profile,
    png,
    srgb_curve,
    srgb_to_linear,
    table_curve,
    tiff,
)

FIXTURES = pathlib.Path(__file__).resolve().parent / "fixtures" / "formats"
WIDTH, HEIGHT = 24, 16


def samples(channels, levels, dtype=np.uint8):
    """Smooth, different in each corner and channel, over all `levels`."""
    y, x = np.mgrid[0:HEIGHT, 0:WIDTH].astype(np.float64)
    u, v = x / (WIDTH - 1), y / (HEIGHT - 1)
    grey = 0.7 * u + 0.3 * v
    colors = [u, v, (1 - u) * (1 - v), 0.25 + 0.75 * u * v, 1 - u, 1 - v]
    planes = {1: [grey], 2: [grey, 0.25 + 0.75 * v]}.get(channels, colors[:channels])
    values = np.stack(planes, axis=-1) if channels > 1 else grey
    return np.round(values * (levels - 1)).astype(dtype)


def palette(count):
    steps = np.arange(count) / (count - 1)
    return np.round(255 * np.stack([steps, 1 - steps, np.abs(1 - 2 * steps)], axis=-1)).astype(np.uint8)


def rgb():
    return Image.fromarray(samples(3, 256), "RGB")


def saved(picture, kind, **options):
    file = io.BytesIO()
    picture.save(file, kind, **options)
    return file.getvalue()


def cmyk():
    return Image.fromarray(samples(4, 256), "CMYK")


def as_ycck(jpeg):
    """The same data, said to be YCCK: the last byte of the Adobe segment is the transform."""
    at = jpeg.index(b"Adobe") + 11
    return jpeg[:at] + b"\2" + jpeg[at + 1 :]


def without_adobe(jpeg):
    """The same data without the Adobe segment, which tells that inks are inverted."""
    at = jpeg.index(b"Adobe") - 4
    return jpeg[:at] + jpeg[at + 16 :]


def written():
    """Pictures by name, as bytes."""
    jpeg = {"quality": 95, "subsampling": 0}
    other = Image.fromarray(255 - samples(3, 256), "RGB")
    deep = samples(3, 65536, np.uint16)
    few = palette(16)
    index = samples(1, 16)
    files = {
        **{f"grey-{depth}.png": png(samples(1, 2**depth), "grey", depth) for depth in (1, 2, 4, 8)},
        "grey-16.png": png(samples(1, 65536, np.uint16), "grey", 16),
        "grey-alpha-8.png": png(samples(2, 256), "grey-alpha", 8),
        "grey-alpha-16.png": png(samples(2, 65536, np.uint16), "grey-alpha", 16),
        "rgb-8.png": png(samples(3, 256), "rgb", 8),
        "rgb-16.png": png(deep, "rgb", 16),
        "rgba-8.png": png(samples(4, 256), "rgba", 8),
        "rgba-16.png": png(samples(4, 65536, np.uint16), "rgba", 16),
        **{f"palette-{d}.png": png(samples(1, 2**d), "palette", d, palette(2**d)) for d in (1, 2, 4, 8)},
        "animated.png": saved(rgb(), "PNG", save_all=True, append_images=[other], duration=50),
        "animated.gif": saved(
            Image.fromarray(few[index], "RGB").quantize(16), "GIF", save_all=True, append_images=[other.quantize(16)]
        ),
        "animated.webp": saved(rgb(), "WEBP", save_all=True, append_images=[other], lossless=True, duration=50),
        "lossless.webp": saved(rgb(), "WEBP", lossless=True),
        "pages.tiff": saved(rgb(), "TIFF", save_all=True, append_images=[other]),
        "bilevel.tiff": saved(Image.fromarray(samples(1, 256)).convert("1"), "TIFF", compression="group4"),
        "palette.tiff": saved(rgb().quantize(16), "TIFF"),
        "grey-16.tiff": tiff(samples(1, 65536, np.uint16), 1),
        "rgb-16.tiff": tiff(deep, 2),
        "rgba-16.tiff": tiff(samples(4, 65536, np.uint16), 2, extra_samples=1),
        "cmyk.tiff": tiff(samples(4, 256), 5),
        "cmyk.jpg": saved(cmyk(), "JPEG", **jpeg),
        "cmyk-subsampled.jpg": saved(cmyk(), "JPEG", quality=80, subsampling=2, progressive=True),
        "cmyk-without-adobe.jpg": without_adobe(saved(cmyk(), "JPEG", **jpeg)),
        "ycck.jpg": as_ycck(saved(cmyk(), "JPEG", **jpeg)),
        "full-chroma.avif": saved(rgb(), "AVIF", quality=100, subsampling="4:4:4"),
        "grey-float.tiff": tiff(samples(1, 2, np.float32), 1),
        "rgb-float.tiff": tiff(samples(3, 2, np.float32), 2),
        "grey-32.tiff": tiff(samples(1, 2**31, np.uint32), 1),
        "grey-signed-16.tiff": tiff(samples(1, 2**15, np.int16), 1),
        "cmyk-16.tiff": tiff(samples(4, 65536, np.uint16), 5),
        "six-channels.tiff": tiff(samples(6, 256), 1, extra_samples=5),
    }
    profiles = {
        "srgb": matrix_profile(SRGB, srgb_curve()),
        "srgb-table": matrix_profile(SRGB, table_curve(srgb_to_linear, 1024)),
        "linear-srgb": matrix_profile(SRGB, linear_curve()),
        "display-p3": matrix_profile(DISPLAY_P3, srgb_curve()),
        "adobe-rgb": matrix_profile(ADOBE_RGB, gamma_curve(2.19921875)),
        "grey-gamma": grey_profile(gamma_curve(1.8)),
        "cmyk": cmyk_profile(),
    }
    grey = Image.fromarray(samples(1, 256))
    p3 = profiles["display-p3"]
    for name in ("srgb", "srgb-table", "linear-srgb", "display-p3", "adobe-rgb"):
        files[f"{name}.jpg"] = saved(rgb(), "JPEG", icc_profile=profiles[name], **jpeg)
    files |= {
        "display-p3.png": saved(rgb(), "PNG", icc_profile=p3),
        "display-p3-16.png": png(deep, "rgb", 16, profile=p3),
        "adobe-rgb.webp": saved(rgb(), "WEBP", lossless=True, icc_profile=profiles["adobe-rgb"]),
        "adobe-rgb.tiff": saved(rgb(), "TIFF", icc_profile=profiles["adobe-rgb"]),
        "display-p3.avif": saved(rgb(), "AVIF", quality=100, subsampling="4:4:4", icc_profile=p3),
        "grey-gamma.jpg": saved(grey, "JPEG", quality=95, icc_profile=profiles["grey-gamma"]),
        "grey-gamma.png": saved(grey, "PNG", icc_profile=profiles["grey-gamma"]),
        "grey-gamma-16.png": png(samples(1, 65536, np.uint16), "grey", 16, profile=profiles["grey-gamma"]),
        "cmyk-profile.jpg": saved(cmyk(), "JPEG", icc_profile=profiles["cmyk"], **jpeg),
        "cmyk-profile.tiff": saved(cmyk(), "TIFF", icc_profile=profiles["cmyk"]),
        "broken-profile.jpg": saved(rgb(), "JPEG", icc_profile=p3[:200], **jpeg),
    }
    return files, profiles


def eight_bits(picture):
    """Of 16 bits the upper eight, which is what Pillow itself keeps of colour; its grey of 16 bits has a mode of its own."""
    if picture.mode.startswith("I;16") or picture.mode == "I":
        return Image.fromarray((np.asarray(picture).astype(np.uint32) >> 8).astype(np.uint8))
    return picture


def summary(picture):
    assert picture.mode == "RGB"
    return {"width": picture.width, "height": picture.height, "pixels": base64.b64encode(picture.tobytes()).decode()}


UNREADABLE = {
    "grey-float.tiff",
    "rgb-float.tiff",
    "grey-32.tiff",
    "grey-signed-16.tiff",
    "cmyk-16.tiff",
    "six-channels.tiff",
}


def readings(name, data, profile):
    if name in UNREADABLE:
        return {}
    picture = eight_bits(Image.open(io.BytesIO(data)))
    picture.load()
    if picture.mode in ("LA", "RGBA"):  # alpha is dropped, not blended
        picture = picture.convert("RGBA").convert("RGB")
    found = {"ignored": summary(picture.convert("RGB"))}
    if profile is not None:
        source = ImageCms.ImageCmsProfile(io.BytesIO(profile))
        target = ImageCms.createProfile("sRGB")
        base = picture if picture.mode in ("L", "CMYK", "RGB") else picture.convert("RGB")
        converted = ImageCms.profileToProfile(base, source, target, ImageCms.Intent.PERCEPTUAL, outputMode="RGB")
        found["converted"] = summary(converted)
    return found


# Where the name of the picture is not that of its profile.
PROFILE_OF = {
    "cmyk": None,
    "cmyk-profile": "cmyk",
    "display-p3-16": "display-p3",
    "grey-gamma-16": "grey-gamma",
}


def main():
    (FIXTURES / "profiles").mkdir(parents=True, exist_ok=True)
    files, profiles = written()
    for name, data in profiles.items():
        (FIXTURES / "profiles" / f"{name}.icc").write_bytes(data)
    result = {}
    for name, data in sorted(files.items()):
        (FIXTURES / name).write_bytes(data)
        stem = name.rpartition(".")[0]
        result[name] = readings(name, data, profiles.get(PROFILE_OF.get(stem, stem)))
    made_with = {"pillow": PIL.__version__, "numpy": np.__version__}
    (FIXTURES / "formats.json").write_text(json.dumps({"madeWith": made_with, "pictures": result}, indent=1) + "\n")
    print(f"{len(result)} pictures")


if __name__ == "__main__":
    main()
