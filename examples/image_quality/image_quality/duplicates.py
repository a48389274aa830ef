"""Finds pictures that look alike by their fingerprints."""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from itertools import combinations

__all__ = ["group_duplicates"]

_BITS = 64


def group_duplicates(fingerprints: Mapping[str, int], distance: int) -> list[list[str]]:
    """Return the groups of names whose fingerprints differ in no more than `distance` bits.

    Alikeness is passed on: a picture joins a group when it is like one of its members. Pictures
    without any edge, whose fingerprint is 0, say nothing and are left out.
    """
    names: defaultdict[int, list[str]] = defaultdict(list)
    for name, bits in fingerprints.items():
        if bits:
            names[bits].append(name)
    leader = {bits: bits for bits in names}

    def find(bits: int) -> int:
        while leader[bits] != bits:
            leader[bits] = leader[leader[bits]]
            bits = leader[bits]
        return bits

    for one, other in _candidates(names, distance):
        if (one ^ other).bit_count() <= distance:
            leader[find(other)] = find(one)
    groups: defaultdict[int, list[str]] = defaultdict(list)
    for bits, alike in names.items():
        groups[find(bits)] += alike
    return [sorted(group) for group in groups.values() if len(group) > 1]


def _candidates(fingerprints: Iterable[int], distance: int) -> Iterator[tuple[int, int]]:
    """Yield the pairs that may be near enough.

    Cut into one band more than bits may differ, two near fingerprints have a band in common: only
    those that share one are compared, not each with each.
    """
    bands = distance + 1
    cuts = [band * _BITS // bands for band in range(bands + 1)]
    for band in range(bands):
        mask = (1 << cuts[band + 1] - cuts[band]) - 1
        alike: defaultdict[int, list[int]] = defaultdict(list)
        for bits in fingerprints:
            alike[bits >> cuts[band] & mask].append(bits)
        for group in alike.values():
            yield from combinations(group, 2)
