import numpy as np
def made_picture(width, height, brightest=256):
    """RGB uint8: pixel(x, y, c) = (x * 7 + y * 13 + c * 29 + x * y) % brightest."""
    y, x, c = np.mgrid[:height, :width, :3]
    x, y, c = (a.astype(np.int64) for a in (x,y,c))
    return ((x * 7 + y * 13 + c * 29 + x * y) % brightest).astype(np.uint8)
