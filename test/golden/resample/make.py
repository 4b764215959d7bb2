"""Makes resample.json: a made-up image and what Pillow's Image.resize and convert("L") make of it.

Needs Pillow (Debian: python3-pil; made with 9.4.0). Run: python3 test/golden/resample/make.py
"""

import base64
import json
import pathlib

import PIL
from PIL import Image

WIDTH, HEIGHT = 37, 29


def pixels():
    """Gradients, hard edges and noise, so that clipping, overshoot and rounding all occur."""
    state = 12345
    for y in range(HEIGHT):
        for x in range(WIDTH):
            state = (state * 1103515245 + 12345) % 2**31
            if (x // 5 + y // 4) % 3 == 0:
                yield (255, 0, 255 * (x % 2))
            elif (x // 5 + y // 4) % 3 == 1:
                yield (x * 255 // (WIDTH - 1), y * 255 // (HEIGHT - 1), 128)
            else:
                yield (state >> 8 & 255, state >> 16 & 255, state >> 22 & 255)


FILTERS = {"nearest": Image.NEAREST, "bilinear": Image.BILINEAR, "bicubic": Image.BICUBIC}
# [height, width]: smaller, larger, one side only, both ways at once, a single pixel, the same.
SIZES = [[11, 13], [64, 64], [29, 20], [10, 37], [50, 9], [1, 1], [29, 37]]


def encode(image):
    return base64.b64encode(image.tobytes()).decode()


image = Image.new("RGB", (WIDTH, HEIGHT))
image.putdata(list(pixels()))
cases = [
    {"interpolation": name, "height": height, "width": width, "data": encode(image.resize((width, height), how))}
    for name, how in FILTERS.items()
    for height, width in SIZES
]
golden = {
    "pillow": PIL.__version__,
    "width": WIDTH,
    "height": HEIGHT,
    "rgb": encode(image),
    "gray": encode(image.convert("L")),
    "cases": cases,
}
folder = pathlib.Path(__file__).parent
(folder / "resample.json").write_text(json.dumps(golden, indent=1) + "\n")
image.save(folder / "source.png")
