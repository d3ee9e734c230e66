from ipaddress import ip_address, ip_network
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from stream_guard.errors import ConfigurationError
from stream_guard.wire.networks import Block, Found, NetworkTable, load_networks

TABLE = """cidr,asn,type
# documentation blocks
203.0.113.0/24,64500,business

203.0.113.128/25,AS64501,vpn
203.0.113.192/32,,tor
198.51.100.0/24,64502
2001:db8::/32,64503,hosting
2001:db8:1::/48,64504,mobile
"""


def load(tmp_path: Path, text: str) -> NetworkTable:
    path = tmp_path / "networks.csv"
    path.write_text(text, encoding="utf-8")
    return load_networks(path)


@pytest.mark.parametrize("separator", [",", "\t"])
@pytest.mark.parametrize(
    ("address", "found"),
    [
        ("203.0.113.0", (64500, "business")),
        ("203.0.113.127", (64500, "business")),
        ("203.0.113.128", (64501, "vpn")),
        ("203.0.113.192", (None, "tor")),
        ("203.0.113.193", (64501, "vpn")),
        ("203.0.113.255", (64501, "vpn")),
        ("203.0.114.0", (None, None)),
        ("203.0.112.255", (None, None)),
        ("0.0.0.0", (None, None)),
        ("255.255.255.255", (None, None)),
        ("198.51.100.9", (64502, None)),
        ("2001:db8::1", (64503, "hosting")),
        ("2001:DB8:1::1", (64504, "mobile")),
        ("2001:db8:2::", (64503, "hosting")),
        ("2001:db9::", (None, None)),
        ("::ffff:203.0.113.5", (64500, "business")),
        ("203.0.113", (None, None)),
        ("203.0.113.5:443", (None, None)),
        ("fe80::1%eth0", (None, None)),
        ("unknown\x00", (None, None)),
        ("é", (None, None)),
        ("", (None, None)),
    ],
)
def test_the_smallest_block_that_holds_an_address_counts(
    tmp_path: Path, separator: str, address: str, found: Found
) -> None:
    assert load(tmp_path, TABLE.replace(",", separator)).lookup(address) == found


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ("203.0.113.1/24,1,vpn", "expected a CIDR block without host bits; got '203.0.113.1/24'"),
        ("nonsense,1,vpn", "expected a CIDR block"),
        ("203.0.113.0/24,many,vpn", "expected an ASN of 0 to 4294967295 or nothing; got 'many'"),
        ("203.0.113.0/24,4294967296,vpn", "expected an ASN"),
        ("203.0.113.0/24,1,datacentre", "expected a network type out of business, education"),
    ],
)
def test_a_fault_names_file_line_value_and_what_was_expected(
    tmp_path: Path, line: str, expected: str
) -> None:
    with pytest.raises(ConfigurationError) as caught:
        load(tmp_path, f"192.0.2.0/24,1,vpn\n\n{line}\n")
    assert str(caught.value).startswith(f"{tmp_path / 'networks.csv'}:3: {expected}")


def test_a_missing_or_unreadable_table_is_named(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match=r"none\.csv: no such file"):
        load_networks(tmp_path / "none.csv")
    path = tmp_path / "binary.csv"
    path.write_bytes(b"\xff\xfe")
    with pytest.raises(ConfigurationError, match=r"binary\.csv: expected a readable UTF-8 file"):
        load_networks(path)


@settings(deadline=None, max_examples=200)
@given(st.lists(st.tuples(st.integers(0, 255), st.integers(24, 32), st.integers(1, 9)), max_size=12))
def test_lookup_agrees_with_a_search_through_all_blocks(blocks: list[tuple[int, int, int]]) -> None:
    networks = {ip_network((f"10.0.0.{host}", bits), strict=False): asn for host, bits, asn in blocks}
    table = NetworkTable([Block(int(net[0]), int(net[-1]), (asn, None)) for net, asn in networks.items()], [])
    for host in range(-1, 257):
        address = ip_address(int(ip_address("10.0.0.0")) + host)
        around = [net for net in networks if address in net]
        smallest = max(around, key=lambda net: net.prefixlen, default=None)
        expected = networks[smallest] if smallest is not None else None
        assert table.lookup(str(address)) == (expected, None)
