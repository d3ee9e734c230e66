"""Which network an address belongs to: a table of CIDR blocks, given by the operator as a file.

One block per line, comma or tab separated: ``203.0.113.0/24,64500,hosting``.  ASN and type may be
empty; a first line of names, empty lines and lines that begin with # are skipped.  Of nested blocks
the smallest counts.  The table is flattened at load into ranges that do not overlap, so a lookup is
one bisection.  Memory: about 100 bytes per block; blocks of one owner share the rest.

Glossary: *range* first address of a run that ends where the next range begins.
"""

from array import array
from bisect import bisect_right
from collections.abc import Iterable, Iterator
from ipaddress import IPv4Network, IPv6Network, ip_network
from pathlib import Path
from socket import AF_INET, AF_INET6, inet_pton
from typing import Final, NamedTuple

from stream_guard.errors import ConfigurationError

NETWORK_TYPES: Final = frozenset(
    {"residential", "mobile", "business", "education", "hosting", "vpn", "proxy", "relay", "tor"}
)
MAX_ASN: Final = 4_294_967_295
_MAPPED: Final = bytes(10) + b"\xff\xff"  # ::ffff:0:0/96, an IPv4 address in IPv6 clothes
_NAMES: Final = frozenset({"cidr", "network", "prefix"})

Found = tuple[int | None, str | None]


class Block(NamedTuple):
    """One line of the file."""

    first: int
    last: int
    found: Found


class _Ranges:
    """Ranges of one address family, in order."""

    def __init__(self, blocks: Iterable[Block]) -> None:
        self.starts: list[int] = []
        self.which = array("l")  # index into `found`
        self.found: list[Found] = [(None, None)]
        indices: dict[Found, int] = {self.found[0]: 0}
        open_blocks: list[Block] = []
        for block in sorted(blocks, key=lambda block: (block.first, -block.last)):
            while open_blocks and open_blocks[-1].last < block.first:
                self._close(open_blocks, indices)
            self._begin(block.first, block.found, indices)
            open_blocks.append(block)
        while open_blocks:
            self._close(open_blocks, indices)

    def _close(self, open_blocks: list[Block], indices: dict[Found, int]) -> None:
        """The innermost open block ends: from there on the one around it counts."""
        last = open_blocks.pop().last
        around = open_blocks[-1].found if open_blocks else (None, None)
        if not open_blocks or open_blocks[-1].last > last:
            self._begin(last + 1, around, indices)

    def _begin(self, start: int, found: Found, indices: dict[Found, int]) -> None:
        index = indices.setdefault(found, len(self.found))
        if index == len(self.found):
            self.found.append(found)
        if self.starts and self.starts[-1] == start:
            self.which[-1] = index
            return
        self.starts.append(start)
        self.which.append(index)

    def lookup(self, address: int) -> Found:
        place = bisect_right(self.starts, address) - 1
        return self.found[self.which[place]] if place >= 0 else self.found[0]


class NetworkTable:
    """CIDR block to (ASN, network type)."""

    def __init__(self, v4: Iterable[Block], v6: Iterable[Block]) -> None:
        self._v4, self._v6 = _Ranges(v4), _Ranges(v6)

    def lookup(self, client_ip: str) -> Found:
        """ASN and type of the smallest block that holds the address; None for what is not known."""
        try:
            if ":" not in client_ip:
                return self._v4.lookup(int.from_bytes(inet_pton(AF_INET, client_ip), "big"))
            packed = inet_pton(AF_INET6, client_ip)
        except (OSError, ValueError):  # ValueError: a null character, or not ASCII
            return None, None
        if packed.startswith(_MAPPED):
            return self._v4.lookup(int.from_bytes(packed[12:], "big"))
        return self._v6.lookup(int.from_bytes(packed, "big"))


def load_networks(path: Path) -> NetworkTable:
    """Read a table; ConfigurationError names file, line, value and what was expected."""
    v4: list[Block] = []
    v6: list[Block] = []
    try:
        with path.open(encoding="utf-8-sig", newline="") as lines:
            for number, row in _rows(lines):
                network, found = _read_row(row, f"{path}:{number}")
                block = Block(int(network[0]), int(network[-1]), found)
                (v4 if network.version == 4 else v6).append(block)
    except FileNotFoundError as error:
        message = f"{path}: no such file"
        raise ConfigurationError(message) from error
    except (OSError, UnicodeDecodeError) as error:
        message = f"{path}: expected a readable UTF-8 file of lines cidr,asn,type; got: {error}"
        raise ConfigurationError(message) from error
    return NetworkTable(v4, v6)


def _rows(lines: Iterable[str]) -> Iterator[tuple[int, list[str]]]:
    """Line numbers and cells of the lines that say something."""
    for number, line in enumerate(lines, start=1):
        if not line.strip() or line.startswith("#"):
            continue
        row = [cell.strip(' "\r\n') for cell in line.split("\t" if "\t" in line else ",")]
        if number == 1 and row[0].lower() in _NAMES:
            continue
        yield number, row


def _read_row(row: list[str], place: str) -> tuple[IPv4Network | IPv6Network, Found]:
    block, asn, kind = (*row, "", "")[:3]
    try:
        network = ip_network(block)
    except ValueError as error:
        message = f"{place}: expected a CIDR block without host bits; got {block!r} ({error})"
        raise ConfigurationError(message) from error
    digits = asn.upper().removeprefix("AS")
    if digits and not (digits.isascii() and digits.isdigit() and int(digits) <= MAX_ASN):
        message = f"{place}: expected an ASN of 0 to {MAX_ASN} or nothing; got {asn!r}"
        raise ConfigurationError(message)
    if kind and kind not in NETWORK_TYPES:
        message = f"{place}: expected a network type out of {', '.join(sorted(NETWORK_TYPES))}; got {kind!r}"
        raise ConfigurationError(message)
    return network, (int(digits) if digits else None, kind or None)
