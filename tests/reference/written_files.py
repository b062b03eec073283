"""Writers for what Pillow reads but does not write: PNG and TIFF of any depth, ICC profiles."""

import struct
import zlib

PNG_COLORS = {"grey": 0, "rgb": 2, "palette": 3, "grey-alpha": 4, "rgba": 6}


def pack_bits(samples, depth):
    """Rows of samples of 1, 2, 4, 8 or 16 bits, most significant first, each row filled up to whole bytes."""
    rows = []
    for row in samples.reshape(samples.shape[0], -1):
        bits = "".join(f"{int(value):0{depth}b}" for value in row)
        bits += "0" * (-len(bits) % 8)
        rows.append(bytes(int(bits[i : i + 8], 2) for i in range(0, len(bits), 8)))
    return rows


def png(samples, color, depth, palette=None, profile=None):
    height, width = samples.shape[:2]

    def chunk(kind, data):
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    header = struct.pack(">IIBBBBB", width, height, depth, PNG_COLORS[color], 0, 0, 0)
    parts = [b"\x89PNG\r\n\x1a\n", chunk(b"IHDR", header)]
    if profile is not None:
        parts.append(chunk(b"iCCP", b"profile\0\0" + zlib.compress(profile, 9)))
    if palette is not None:
        parts.append(chunk(b"PLTE", palette.tobytes()))
    rows = b"".join(b"\0" + row for row in pack_bits(samples, depth))
    return b"".join([*parts, chunk(b"IDAT", zlib.compress(rows, 9)), chunk(b"IEND", b"")])


def tiff(samples, photometric, extra_samples=0):
    """Uncompressed, little-endian, one strip. The dtype decides on depth and sample format; photometric: 1 grey, 2 RGB, 5 CMYK."""
    height, width = samples.shape[:2]
    data = samples.astype(samples.dtype.newbyteorder("<")).tobytes()
    channels = samples.size // (width * height)
    sample_format = {"u": 1, "i": 2, "f": 3}[samples.dtype.kind]
    short, long = 3, 4
    entries = [
        (256, short, [width]),
        (257, short, [height]),
        (258, short, [samples.dtype.itemsize * 8] * channels),
        (259, short, [1]),
        (262, short, [photometric]),
        (273, long, [8]),
        (277, short, [channels]),
        (278, short, [height]),
        (279, long, [len(data)]),
        (284, short, [1]),
        *([(338, short, [0] * extra_samples)] if extra_samples else []),
        (339, short, [sample_format] * channels),
    ]
    directory = 8 + len(data) + len(data) % 2
    beyond = directory + 2 + 12 * len(entries) + 4
    table, more = b"", b""
    for tag, kind, values in entries:
        packed = struct.pack(f"<{len(values)}{'H' if kind == short else 'I'}", *values)
        if len(packed) > 4:
            table += struct.pack("<HHII", tag, kind, len(values), beyond + len(more))
            more += packed
        else:
            table += struct.pack("<HHI", tag, kind, len(values)) + packed.ljust(4, b"\0")
    head = b"II*\0" + struct.pack("<I", directory) + data + b"\0" * (len(data) % 2)
    return head + struct.pack("<H", len(entries)) + table + struct.pack("<I", 0) + more


# ICC profiles, version 2.4 or 4.3.

D50 = (0.9642, 1.0, 0.8249)
# Primaries, adapted to D50.
SRGB = ((0.43607, 0.22249, 0.01392), (0.38515, 0.71687, 0.09708), (0.14307, 0.06061, 0.71410))
DISPLAY_P3 = ((0.51512, 0.24120, -0.00105), (0.29198, 0.69225, 0.04189), (0.15710, 0.06657, 0.78407))
ADOBE_RGB = ((0.60974, 0.31111, 0.01947), (0.20528, 0.62567, 0.06087), (0.14919, 0.06322, 0.74457))


def fixed(*values):
    return b"".join(struct.pack(">i", round(value * 65536)) for value in values)


def srgb_curve():
    return b"para\0\0\0\0" + struct.pack(">HH", 3, 0) + fixed(2.4, 1 / 1.055, 0.055 / 1.055, 1 / 12.92, 0.04045)


def gamma_curve(gamma):
    return b"curv\0\0\0\0" + struct.pack(">IH", 1, round(gamma * 256))


def linear_curve():
    return b"curv\0\0\0\0" + struct.pack(">I", 0)


def table_curve(function, count):
    values = [round(65535 * function(i / (count - 1))) for i in range(count)]
    return b"curv\0\0\0\0" + struct.pack(f">I{count}H", count, *values)


def srgb_to_linear(x):
    return x / 12.92 if x <= 0.04045 else ((x + 0.055) / 1.055) ** 2.4


def icc_profile(device_class, space, connection, tags, version=0x04300000):
    tags = {
        "desc": b"desc\0\0\0\0" + struct.pack(">I", 5) + b"made\0" + bytes(78)
        if version < 0x04000000
        else b"mluc\0\0\0\0" + struct.pack(">II2s2sII", 1, 12, b"en", b"US", 8, 28) + "made".encode("utf-16-be"),
        "wtpt": b"XYZ \0\0\0\0" + fixed(*D50),
        **tags,
    }
    offset = 128 + 4 + 12 * len(tags)
    table, data = struct.pack(">I", len(tags)), b""
    for name, content in tags.items():
        table += struct.pack(">4sII", name.encode(), offset + len(data), len(content))
        data += content + b"\0" * (-len(content) % 4)
    size = offset + len(data)
    header = struct.pack(">I4sI4s4s4s", size, b"\0\0\0\0", version, device_class, space, connection)
    header += struct.pack(">6H4s", 2025, 1, 1, 0, 0, 0, b"acsp") + bytes(28) + fixed(*D50)
    return header.ljust(128, b"\0") + table + data


def matrix_profile(primaries, curve):
    tags = {}
    for channel, xyz in zip("rgb", primaries):
        tags[f"{channel}XYZ"] = b"XYZ \0\0\0\0" + fixed(*xyz)
        tags[f"{channel}TRC"] = curve
    return icc_profile(b"mntr", b"RGB ", b"XYZ ", tags)


def grey_profile(curve):
    return icc_profile(b"mntr", b"GRAY", b"XYZ ", {"kTRC": curve})


def cmyk_profile():
    """Inks that take light away, darker and less colourful than pure light does. One cube of colours, interpolated."""
    identity = bytes(range(256))
    corners = b""
    for corner in range(16):
        cyan, magenta, yellow, black = (corner >> shift & 1 for shift in (3, 2, 1, 0))
        lightness = (1 - 0.85 * black) * (96 - 38 * cyan - 45 * magenta - 6 * yellow)
        a = (1 - 0.9 * black) * (-35 * cyan + 70 * magenta - 5 * yellow)
        b = (1 - 0.9 * black) * (-48 * cyan - 5 * magenta + 85 * yellow)
        corners += bytes([round(max(lightness, 2) * 2.55), round(128 + a), round(128 + b)])
    lut = b"mft1\0\0\0\0" + bytes([4, 3, 2, 0]) + fixed(1, 0, 0, 0, 1, 0, 0, 0, 1)
    lut += identity * 4 + corners + identity * 3
    return icc_profile(b"prtr", b"CMYK", b"Lab ", {"A2B0": lut, "A2B1": lut, "A2B2": lut}, version=0x02400000)
