"""The reader against files of every kind, written here in the plainest way."""

import struct
import zlib
from collections.abc import Callable, Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from image_quality.picture import Picture
from image_quality.png import PngError, decode_png, encode_png

SAMPLES = {0: 1, 2: 3, 3: 1, 4: 2, 6: 4}
KINDS = [(0, 1), (0, 2), (0, 4), (0, 8), (0, 16), (2, 8), (2, 16), (3, 1), (3, 2), (3, 4), (3, 8)]
ALPHA_KINDS = [(4, 8), (4, 16), (6, 8), (6, 16)]
PASSES = [(0, 0, 8, 8), (4, 0, 8, 8), (0, 4, 4, 8), (2, 0, 4, 4), (0, 2, 2, 4), (1, 0, 2, 2)]
LAST_PASS = (0, 1, 1, 2)
WIDTH, HEIGHT = 11, 9

Sampler = Callable[[int, int], Sequence[int]]


def write_png(
    kind: tuple[int, int], at: Sampler, *, interlaced: bool = False, palette: bytes = b""
) -> bytes:
    """Return a PNG of a colour type and depth; its rows use all five filters in turn."""
    colour, depth = kind
    raw = bytearray()
    for left, top, across, down in [*PASSES, LAST_PASS] if interlaced else [(0, 0, 1, 1)]:
        above = b""
        for number, y in enumerate(range(top, HEIGHT, down)):
            row = pack([value for x in range(left, WIDTH, across) for value in at(x, y)], depth)
            step = max(1, SAMPLES[colour] * depth // 8)
            raw.append(number % 5)
            raw += apply_filter(number % 5, row, above or bytes(len(row)), step)
            above = row
    header = struct.pack(">IIBBBBB", WIDTH, HEIGHT, depth, colour, 0, 0, int(interlaced))
    body = zlib.compress(bytes(raw))
    half = len(body) // 2
    parts = [chunk(b"IHDR", header), chunk(b"PLTE", palette) if palette else b""]
    parts += [chunk(b"IDAT", body[:half]), chunk(b"IDAT", body[half:]), chunk(b"IEND", b"")]
    return b"\x89PNG\r\n\x1a\n" + b"".join(parts)


def chunk(kind: bytes, body: bytes) -> bytes:
    return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))


def pack(values: Sequence[int], depth: int) -> bytes:
    bits = "".join(f"{value:0{depth}b}" for value in values)
    bits += "0" * (-len(bits) % 8)
    return int(bits, 2).to_bytes(len(bits) // 8, "big")


def apply_filter(method: int, row: bytes, above: bytes, step: int) -> bytes:
    out = bytearray()
    for i, value in enumerate(row):
        left = row[i - step] if i >= step else 0
        corner = above[i - step] if i >= step else 0
        up = above[i]
        nearest = min((left, up, corner), key=lambda guess: abs(left + up - corner - guess))
        guess = (0, left, up, (left + up) // 2, nearest)[method]
        out.append((value - guess) % 256)
    return bytes(out)


def pattern(kind: tuple[int, int]) -> Sampler:
    """Return a sampler whose samples use the whole range of the depth."""
    colour, depth = kind
    most = (1 << depth) - 1
    return lambda x, y: [(x * 7 + y * 13 + c * 5) * 97 % (most + 1) for c in range(SAMPLES[colour])]


PALETTE = bytes(level * 3 % 256 for level in range(768))


@pytest.mark.parametrize("interlaced", [False, True])
@pytest.mark.parametrize("kind", KINDS)
def test_every_opaque_kind_is_read_to_the_pixel(kind: tuple[int, int], interlaced: bool) -> None:
    colour, depth = kind
    at = pattern(kind)
    data = write_png(kind, at, interlaced=interlaced, palette=PALETTE if colour == 3 else b"")

    picture = decode_png(data)

    most = (1 << depth) - 1
    expected: list[int] = []
    for y in range(HEIGHT):
        for x in range(WIDTH):
            values = at(x, y)
            if colour == 3:
                expected += PALETTE[3 * values[0] : 3 * values[0] + 3]
            else:
                expected += [value >> 8 if depth == 16 else value * 255 // most for value in values]
    assert (picture.width, picture.height) == (WIDTH, HEIGHT)
    assert picture.pixels == bytes(expected)


@pytest.mark.parametrize("kind", ALPHA_KINDS)
def test_what_is_transparent_is_laid_on_white(kind: tuple[int, int]) -> None:
    colour, depth = kind
    most = (1 << depth) - 1
    opaque = [most // 3] * (SAMPLES[colour] - 1)

    picture = decode_png(write_png(kind, lambda x, _: [*opaque, most if x % 2 else 0]))

    row = picture.row(4)[:: picture.channels]
    assert row[0] == 255
    assert row[1] == 85


def test_a_palette_that_lacks_a_used_colour_is_refused() -> None:
    with pytest.raises(PngError, match="colour 7 of a palette of 2"):
        decode_png(write_png((3, 8), lambda _x, _y: [7], palette=PALETTE[:6]))


@given(st.data())
def test_what_is_written_is_read_again(data: st.DataObject) -> None:
    width, height = data.draw(st.integers(1, 12)), data.draw(st.integers(1, 12))
    channels = data.draw(st.sampled_from([1, 3]))
    size = width * height * channels
    picture = Picture(width, height, channels, data.draw(st.binary(min_size=size, max_size=size)))

    assert decode_png(encode_png(picture)) == picture


@given(st.binary(max_size=200), st.integers(0, 400), st.integers(0, 255))
def test_damaged_bytes_end_in_a_png_error_or_a_picture(junk: bytes, at: int, value: int) -> None:
    whole = bytearray(write_png((2, 8), pattern((2, 8))))
    whole[at % len(whole)] = value
    for data in (bytes(whole), b"\x89PNG\r\n\x1a\n" + junk, bytes(whole[: at % len(whole)])):
        try:
            picture = decode_png(data)
        except PngError:
            continue
        assert len(picture.pixels) == picture.width * picture.height * picture.channels


@pytest.mark.parametrize(
    ("data", "words"),
    [
        (b"", "does not begin like a PNG"),
        (b"\xff\xd8\xff\xe0 a JPEG", "does not begin like a PNG"),
        (b"\x89PNG\r\n\x1a\n", "ends before its last chunk"),
        (b"\x89PNG\r\n\x1a\n" + chunk(b"IEND", b""), "its header is missing"),
        (b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", b"short"), "instead of 13"),
        (
            b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", struct.pack(">IIBBBBB", 2, 2, 8, 5, 0, 0, 0)),
            "not of the standard",
        ),
        (
            b"\x89PNG\r\n\x1a\n"
            + chunk(b"IHDR", struct.pack(">IIBBBBB", 2**31, 2**31, 8, 2, 0, 0, 0)),
            "is not between 1 and",
        ),
    ],
)
def test_an_error_says_what_is_wrong(data: bytes, words: str) -> None:
    with pytest.raises(PngError, match=words):
        decode_png(data)


def test_a_cut_file_tells_how_much_is_missing() -> None:
    whole = encode_png(Picture(40, 40, 1, bytes(range(40)) * 40))

    with pytest.raises(PngError, match=r"ends \d+ bytes too early, in chunk IDAT"):
        decode_png(whole[: len(whole) // 2])


def test_a_bomb_takes_no_more_memory_than_its_header_asks_for() -> None:
    header = struct.pack(">IIBBBBB", 4, 4, 8, 0, 0, 0, 0)
    bomb = zlib.compress(bytes(50_000_000))
    parts = [chunk(b"IHDR", header), chunk(b"IDAT", bomb), chunk(b"IEND", b"")]

    picture = decode_png(b"\x89PNG\r\n\x1a\n" + b"".join(parts))

    assert picture == Picture(4, 4, 1, bytes(16))
