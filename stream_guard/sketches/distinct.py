"""How many different values were seen, in 63 bits.

Linear counting (Whang, Vander-Zanden, Taylor: "A linear-time probabilistic counting algorithm for
database applications", 1990): each value sets one bit, and the share of bits still unset tells how
many there were.  A bitmap is a plain ``int``, so a row packs it in at most nine bytes.

Error about 10 % at 30 values; saturates near 200, where `estimate` answers `SATURATED`.  Cost
0.2 us per value.
"""

from math import log
from zlib import crc32

BITS = 63
SATURATED = 255


def add(bitmap: int, value: str) -> int:
    """The bitmap after ``value`` was seen.

    >>> seen = add(add(0, "a"), "b")
    >>> add(seen, "a") == seen
    True
    """
    return bitmap | 1 << crc32(value.encode()) % BITS


def estimate(bitmap: int) -> int:
    """How many distinct values the bitmap has seen.

    >>> estimate(0), estimate(add(0, "a"))
    (0, 1)
    """
    unset = BITS - bitmap.bit_count()
    if unset == 0:
        return SATURATED
    return round(-BITS * log(unset / BITS))
