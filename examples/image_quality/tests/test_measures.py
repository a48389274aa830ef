"""What is measured, and who is called alike."""

from pathlib import Path

from hypothesis import given
from hypothesis import strategies as st

from image_quality.duplicates import group_duplicates
from image_quality.measures import measure
from image_quality.picture import Picture, fit, shrink, to_grey
from image_quality.png import decode_png

IMAGES = Path(__file__).parent.parent / "images"


def shipped(name: str) -> Picture:
    return decode_png((IMAGES / f"{name}.png").read_bytes())


def test_an_even_grey_has_its_brightness_and_nothing_else() -> None:
    measures = measure(Picture(20, 10, 3, bytes([90, 90, 90]) * 200))

    assert measures.brightness == 90
    assert measures.contrast == 0
    assert measures.sharpness == 0
    assert measures.fingerprint == 0
    assert measures.histogram[90 // 8] == 1


def test_a_chessboard_is_as_contrasty_and_sharp_as_can_be() -> None:
    board = bytes(255 * ((x + y) % 2) for y in range(16) for x in range(16))

    measures = measure(Picture(16, 16, 1, board))

    assert measures.contrast == 127.5
    assert measures.sharpness == (4 * 255) ** 2


def test_blur_takes_sharpness_away_and_little_else() -> None:
    sharp = shipped("coffee")
    small = shrink(sharp, sharp.width // 4, sharp.height // 4)
    rows = [bytes(v for v in small.row(y // 4)) for y in range(small.height * 4)]
    wide = b"".join(
        bytes(row[3 * (x // 4) + c] for x in range(small.width * 4) for c in range(3))
        for row in rows
    )
    soft = measure(Picture(small.width * 4, small.height * 4, 3, wide))

    assert soft.sharpness < measure(sharp).sharpness
    assert abs(soft.brightness - measure(sharp).brightness) < 1


def test_grey_follows_the_eye_green_before_red_before_blue() -> None:
    grey = to_grey(Picture(3, 1, 3, bytes([255, 0, 0, 0, 255, 0, 0, 0, 255])))

    red, green, blue = grey.pixels
    assert green > red > blue
    assert red + green + blue in {253, 254, 255}


@given(st.integers(1, 30), st.integers(1, 30), st.integers(1, 40), st.sampled_from([1, 3]))
def test_shrinking_keeps_size_and_range(width: int, height: int, side: int, channels: int) -> None:
    pixels = bytes(i * 37 % 256 for i in range(width * height * channels))
    small = fit(Picture(width, height, channels, pixels), side)

    assert max(small.width, small.height) == min(side, max(width, height))
    assert len(small.pixels) == small.width * small.height * channels
    assert min(pixels) <= min(small.pixels) <= max(small.pixels) <= max(pixels)


def test_a_copy_in_another_size_or_light_has_nearly_the_same_fingerprint() -> None:
    original = measure(shipped("chelsea")).fingerprint
    copy = measure(shipped("chelsea_saved_again")).fingerprint
    other = measure(shipped("coffee")).fingerprint

    assert (original ^ copy).bit_count() <= 3
    assert (original ^ other).bit_count() > 16


@given(
    st.lists(st.integers(0, 2**64 - 1), max_size=8),
    st.lists(st.tuples(st.integers(0, 7), st.integers(0, 63)), max_size=12),
    st.integers(0, 16),
)
def test_grouping_finds_what_comparing_each_with_each_finds(
    seeds: list[int], flips: list[tuple[int, int]], distance: int
) -> None:
    values = list(seeds)
    values += [seeds[n % len(seeds)] ^ (1 << bit) for n, bit in flips if seeds]
    fingerprints = {f"n{i}": bits for i, bits in enumerate(values)}

    expected: list[set[str]] = []
    for name, bits in fingerprints.items():
        near = {
            other
            for other, b in fingerprints.items()
            if bits and b and name != other and (bits ^ b).bit_count() <= distance
        }
        if near:
            group = {name, *near}
            joined = [one for one in expected if one & group]
            expected = [one for one in expected if not one & group]
            expected.append(group.union(*joined))

    found = group_duplicates(fingerprints, distance)
    assert sorted(map(sorted, expected)) == sorted(found)
