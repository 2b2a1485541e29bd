"""What is shown and kept of a key, and how often it may ask."""

import hashlib
import threading

import pytest

from drumbeat.access.rate_limit import RateLimit
from drumbeat.access.tokens import LONGEST_TOKEN, Token
from support.given import uid


def test_a_token_is_found_again_in_its_text_and_its_secret_is_never_in_its_repr() -> None:
    token = Token.new(uid("crm"))
    assert Token.parse(token.text()) == token
    assert len(token.text()) == LONGEST_TOKEN
    assert token.text().startswith(f"drumbeat_{uid('crm').hex}_")
    assert token.secret not in repr(token)
    assert token.secret_hash() == hashlib.sha256(token.secret.encode()).digest()


def test_no_two_secrets_are_the_same_and_each_has_256_bits() -> None:
    secrets = {Token.new(uid("crm")).secret for _ in range(1_000)}
    assert len(secrets) == 1_000
    # 43 characters of 6 bits.
    assert {len(secret) for secret in secrets} == {43}


@pytest.mark.parametrize(
    "text",
    [
        "",
        "drumbeat",
        "drumbeat__",
        "Bearer x",
        "x" * 85,
        "drumbeat_" + "0" * 32 + "_" + "a" * 42 + "é",
        "\ud800" * 85,
    ],
)
def test_other_texts_are_no_tokens(text: str) -> None:
    assert Token.parse(text) is None


class Clock:
    """Seconds that a test moves."""

    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now


def test_a_second_holds_what_a_key_may_ask_and_fills_at_that_pace() -> None:
    clock = Clock()
    limit = RateLimit(10, clock=clock)
    assert [limit.take("key") for _ in range(10)] == [0.0] * 10
    assert limit.take("key") == pytest.approx(0.1)
    clock.now += 0.1
    assert limit.take("key") == 0.0
    assert limit.take("key") > 0
    clock.now += 100
    assert [limit.take("key") for _ in range(11)].count(0.0) == 10


def test_what_one_key_asks_takes_nothing_from_another() -> None:
    limit = RateLimit(1, clock=Clock())
    assert (limit.take("one"), limit.take("other")) == (0.0, 0.0)
    assert limit.take("one") > 0


def test_zero_is_no_limit() -> None:
    limit = RateLimit(0, clock=Clock())
    assert {limit.take("key") for _ in range(10_000)} == {0.0}


def test_over_a_while_a_key_gets_what_it_may_and_never_more() -> None:
    clock = Clock()
    limit = RateLimit(7, clock=clock)
    taken = 0
    for _ in range(3_000):
        clock.now += 0.01
        taken += limit.take("key") == 0.0
    assert 7 * 30 - 1 <= taken - 7 <= 7 * 30


def test_keys_that_ask_no_more_are_forgotten() -> None:
    clock = Clock()
    limit = RateLimit(5, clock=clock, most_buckets=10)
    for number in range(1_000):
        clock.now += 0.5
        limit.take(number)
    assert limit.buckets <= 11


def test_many_threads_together_get_no_more_than_one() -> None:
    limit, taken = RateLimit(500, clock=lambda: 1.0), list[bool]()

    def take() -> None:
        taken.extend([limit.take("key") == 0.0 for _ in range(200)])

    threads = [threading.Thread(target=take) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert taken.count(True) == 500
