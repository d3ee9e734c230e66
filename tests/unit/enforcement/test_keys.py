"""Names in Redis: one slot of a Cluster per account, whatever it is called."""

from hypothesis import given
from hypothesis import strategies as st
from redis.crc import key_slot

from stream_guard.enforcement.keys import account_of, decision_key, rate_key


def slot(key: str) -> int:
    return int(key_slot(key.encode("utf-8", "surrogatepass")))


@given(account=st.text(min_size=1) | st.text("{}\\a", min_size=1))
def test_one_accounts_keys_share_a_slot_of_a_cluster_and_are_nobody_elses(account: str) -> None:
    assert slot(decision_key(account)) == slot(rate_key(account))
    assert account_of(decision_key(account)) == account


def test_an_account_stands_in_its_keys_as_it_is() -> None:
    assert decision_key("org/7:user}") == "sg:v1:decision:{org/7:user}}"
    assert rate_key("}") == "sg:v1:rate:{\\}}"
