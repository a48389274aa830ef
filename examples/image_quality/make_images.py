"""Makes the folder `images` from the photographs that the scikit-image wheel ships.

    pip download --no-deps --dest wheels scikit-image==0.26.0
    python make_images.py wheels/scikit_image-0.26.0-*.whl

It needs the standard library only. Twelve pictures are made smaller; six more are spoiled on
purpose, so that an audit has something to find. images/LICENSES.md says whose they are.
"""

import argparse
import zipfile
from collections.abc import Callable, Iterator
from pathlib import Path

from image_quality.picture import Picture, fit
from image_quality.png import decode_png, encode_png

_SIDE_PX = 288
_FOLDER = Path(__file__).parent / "images"
_SOURCES = (
    "astronaut",
    "brick",
    "camera",
    "cell",
    "chelsea",
    "clock_motion",
    "coffee",
    "grass",
    "gravel",
    "horse",
    "microaneurysms",
    "text",
)


def _tone(picture: Picture, curve: Callable[[int], float]) -> Picture:
    table = bytes(max(0, min(255, round(curve(level)))) for level in range(256))
    pixels = picture.pixels.translate(table)
    return Picture(picture.width, picture.height, picture.channels, pixels)


def _spoil(originals: dict[str, Picture]) -> Iterator[tuple[str, bytes]]:
    """Yield what goes wrong with pictures in practice: light, size, copies, broken uploads."""
    coffee, astronaut = originals["coffee"], originals["astronaut"]
    yield "coffee_underexposed", encode_png(_tone(coffee, lambda level: level * 0.28))
    yield "astronaut_overexposed", encode_png(_tone(astronaut, lambda level: 150 + level * 0.55))
    yield "gravel_fog", encode_png(_tone(originals["gravel"], lambda level: 120 + level * 0.12))
    yield "camera_thumbnail", encode_png(fit(originals["camera"], 64))
    yield "chelsea_saved_again", encode_png(fit(originals["chelsea"], 240))
    whole = encode_png(originals["brick"])
    yield "brick_interrupted_upload", whole[: len(whole) * 2 // 3]


def main() -> None:
    """Write every picture into the folder `images`."""
    parser = argparse.ArgumentParser(description="Make the example pictures.")
    parser.add_argument("wheel", type=Path, help="a scikit-image 0.26 wheel")
    _FOLDER.mkdir(exist_ok=True)
    with zipfile.ZipFile(parser.parse_args().wheel) as wheel:
        originals = {
            name: fit(decode_png(wheel.read(f"skimage/data/{name}.png")), _SIDE_PX)
            for name in _SOURCES
        }
    made = {name: encode_png(picture) for name, picture in originals.items()}
    made.update(_spoil(originals))
    for name, data in made.items():
        (_FOLDER / f"{name}.png").write_bytes(data)


if __name__ == "__main__":
    main()
