"""Reads and writes PNG with the standard library alone.

Reads every colour type, bit depth and interlacing of the standard. What is transparent is laid on
white; colour profiles, gamma and the transparent colour of a palette are left aside.

Source: Portable Network Graphics, third edition, https://www.w3.org/TR/png-3/
"""

import struct
import zlib
from collections.abc import Iterator
from dataclasses import dataclass

from image_quality.picture import Picture
from image_quality.png_filters import FILTERS, unfilter

__all__ = ["PngError", "decode_png", "encode_png"]

_HEADER = struct.Struct(">IIBBBBB")
"""Width, height, bit depth, colour type, compression, filtering, interlacing."""

_SIGNATURE = b"\x89PNG\r\n\x1a\n"

_MAX_PIXELS = 64_000_000
"""A header may claim any size; more than this is refused before memory is taken for it."""

_GREY, _RGB, _PALETTE, _GREY_ALPHA, _RGB_ALPHA = 0, 2, 3, 4, 6
_SAMPLES = {_GREY: 1, _RGB: 3, _PALETTE: 1, _GREY_ALPHA: 2, _RGB_ALPHA: 4}
_DEPTHS = {
    _GREY: {1, 2, 4, 8, 16},
    _RGB: {8, 16},
    _PALETTE: {1, 2, 4, 8},
    _GREY_ALPHA: {8, 16},
    _RGB_ALPHA: {8, 16},
}

_WHOLE = ((0, 0, 1, 1),)
_ADAM7 = (
    (0, 0, 8, 8),
    (4, 0, 8, 8),
    (0, 4, 4, 8),
    (2, 0, 4, 4),
    (0, 2, 2, 4),
    (1, 0, 2, 2),
    (0, 1, 1, 2),
)
"""First column, first row, column step and row step of each pass."""


class PngError(ValueError):
    """The bytes are no PNG, or a damaged one."""


@dataclass(frozen=True, slots=True)
class _Header:
    width: int
    height: int
    depth: int
    colour: int
    is_interlaced: bool

    @property
    def samples(self) -> int:
        """Samples of a pixel."""
        return _SAMPLES[self.colour]

    @property
    def step(self) -> int:
        """Bytes from a sample to the same one of the pixel to the left, at least 1."""
        return max(1, self.samples * self.depth // 8)

    def row_bytes(self, width: int) -> int:
        """Return the size of a row of `width` pixels, without its filter byte."""
        return (width * self.samples * self.depth + 7) // 8


def decode_png(data: bytes) -> Picture:
    """Decode a whole PNG file.

    Raises:
        PngError: It is none, damaged, cut short or too large; the text says which.
    """
    if not data.startswith(_SIGNATURE):
        raise PngError("the file does not begin like a PNG")
    header: _Header | None = None
    palette = b""
    compressed: list[bytes] = []
    for kind, body in _chunks(data):
        match kind:
            case b"IHDR":
                header = _parse_header(body)
            case b"PLTE":
                palette = body
            case b"IDAT":
                compressed.append(body)
            case _:
                pass
    if header is None:
        raise PngError("its header is missing")
    samples = _read_samples(header, _inflate(header, b"".join(compressed)))
    return _to_picture(header, samples, palette)


def encode_png(picture: Picture) -> bytes:
    """Encode a picture as PNG with 8 bits a sample."""
    colour = _GREY if picture.channels == 1 else _RGB
    header = _HEADER.pack(picture.width, picture.height, 8, colour, 0, 0, 0)
    rows: list[bytes] = []
    above = bytes(picture.width * picture.channels)
    for y in range(picture.height):
        row = picture.row(y)
        tried = [(number, apply(row, above, picture.channels)) for number, apply in FILTERS]
        # Small differences compress best: the heuristic that the standard recommends.
        number, best = min(tried, key=lambda one: sum(min(b, 256 - b) for b in one[1]))
        rows += [bytes([number]), best]
        above = row
    body = zlib.compress(b"".join(rows), 9)
    chunks = (_chunk(b"IHDR", header), _chunk(b"IDAT", body), _chunk(b"IEND", b""))
    return _SIGNATURE + b"".join(chunks)


def _chunk(kind: bytes, body: bytes) -> bytes:
    return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))


def _chunks(data: bytes) -> Iterator[tuple[bytes, bytes]]:
    position = len(_SIGNATURE)
    while position + 8 <= len(data):
        length, kind = struct.unpack_from(">I4s", data, position)
        end = position + 8 + length
        if end + 4 > len(data):
            name = kind.decode("latin-1")
            raise PngError(f"the file ends {end + 4 - len(data)} bytes too early, in chunk {name}")
        body = data[position + 8 : end]
        if zlib.crc32(kind + body) != int.from_bytes(data[end : end + 4]):
            raise PngError(f"chunk {kind.decode('latin-1')} is damaged: its checksum is wrong")
        yield kind, body
        if kind == b"IEND":
            return
        position = end + 4
    raise PngError("the file ends before its last chunk")


def _parse_header(body: bytes) -> _Header:
    if len(body) != _HEADER.size:
        raise PngError(f"its header has {len(body)} bytes instead of {_HEADER.size}")
    width, height, depth, colour, compression, filtering, interlacing = _HEADER.unpack(body)
    if depth not in _DEPTHS.get(colour, ()) or compression or filtering or interlacing > 1:
        raise PngError(f"its header is not of the standard: colour {colour}, depth {depth}")
    if not 0 < width * height <= _MAX_PIXELS:
        raise PngError(f"{width} by {height} px is not between 1 and {_MAX_PIXELS:,} pixels")
    return _Header(width, height, depth, colour, interlacing == 1)


def _passes(header: _Header) -> Iterator[tuple[int, int, int, int, int, int]]:
    """Yield offsets, steps and size of each pass that has pixels."""
    for left, top, across, down in _ADAM7 if header.is_interlaced else _WHOLE:
        width = (header.width - left + across - 1) // across
        height = (header.height - top + down - 1) // down
        if width > 0 and height > 0:
            yield left, top, across, down, width, height


def _inflate(header: _Header, compressed: bytes) -> bytes:
    wanted = sum((1 + header.row_bytes(width)) * height for *_, width, height in _passes(header))
    try:
        # A little file may unpack to gigabytes; no more is taken than the header asks for.
        raw = zlib.decompressobj().decompress(compressed, wanted)
    except zlib.error as error:
        raise PngError(f"its pixels cannot be unpacked: {error}") from error
    if len(raw) < wanted:
        raise PngError(f"{wanted - len(raw)} of {wanted} bytes of pixels are missing")
    return raw


def _read_samples(header: _Header, raw: bytes) -> bytes:
    """Return all samples in 8 bits, row by row; those of a palette are its indices."""
    samples = bytearray(header.width * header.height * header.samples)
    stride = header.width * header.samples
    position = 0
    for left, top, across, down, width, height in _passes(header):
        size = header.row_bytes(width)
        above = bytes(size)
        for y in range(top, header.height, down)[:height]:
            number, row = raw[position], raw[position + 1 : position + 1 + size]
            try:
                above = unfilter(number, bytearray(row), above, header.step)
            except ValueError as error:
                raise PngError(str(error)) from error
            position += 1 + size
            line = _to_8_bits(header, above, width)
            first, end = y * stride + left * header.samples, (y + 1) * stride
            for sample in range(header.samples):
                place = slice(first + sample, end, across * header.samples)
                samples[place] = line[sample :: header.samples]
    return bytes(samples)


def _to_8_bits(header: _Header, row: bytes, width: int) -> bytes:
    if header.depth % 8 == 0:
        return row[:: header.depth // 8]
    most = (1 << header.depth) - 1
    scale = 1 if header.colour == _PALETTE else 255 // most
    shifts = range(8 - header.depth, -1, -header.depth)
    return bytes((byte >> shift & most) * scale for byte in row for shift in shifts)[:width]


def _to_picture(header: _Header, samples: bytes, palette: bytes) -> Picture:
    count = header.samples
    match header.colour:
        case 3:  # palette
            channels = _look_up(samples, palette)
        case 4 | 6:  # with alpha
            alpha = samples[count - 1 :: count]
            channels = [_on_white(samples[one::count], alpha) for one in range(count - 1)]
        case _:
            return Picture(header.width, header.height, count, samples)
    pixels = bytearray(len(channels[0]) * len(channels))
    for number, channel in enumerate(channels):
        pixels[number :: len(channels)] = channel
    return Picture(header.width, header.height, len(channels), bytes(pixels))


def _look_up(indices: bytes, palette: bytes) -> list[bytes]:
    count, most = len(palette) // 3, max(indices)
    if most >= count:
        raise PngError(f"it uses colour {most} of a palette of {count}")
    return [indices.translate(palette[one::3][:count].ljust(256, b"\0")) for one in range(3)]


def _on_white(channel: bytes, alpha: bytes) -> bytes:
    if alpha.count(255) == len(alpha):
        return channel
    return bytes((c * a + 255 * (255 - a)) // 255 for c, a in zip(channel, alpha, strict=True))
