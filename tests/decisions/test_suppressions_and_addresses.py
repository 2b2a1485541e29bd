"""The do-not-contact list, and the one spelling under which addresses are compared."""

import pytest

from drumbeat.aggregates.suppression import SUPPRESSION, add_suppression, is_suppressed, lift_suppression
from drumbeat.events.addresses import COUNTRIES, country_of, normalized_address
from drumbeat.events.ids import suppression_id
from drumbeat.events.suppression import SuppressionAdded, SuppressionLifted
from drumbeat.events.values import Channel
from support.given import given

ADDED = SuppressionAdded(reason="asked by phone", source="api")
LIFTED = SuppressionLifted(reason="asked again")


def test_an_address_is_suppressed_once() -> None:
    added = given(SUPPRESSION).when(add_suppression, reason=" asked by phone ", source="api").then(ADDED)
    assert is_suppressed(added.state)
    added.when(add_suppression, reason="again", source="api").then_nothing()


def test_a_lifted_suppression_can_be_added_again() -> None:
    lifted = given(SUPPRESSION, ADDED).when(lift_suppression, reason="asked again").then(LIFTED)
    assert not is_suppressed(lifted.state)
    lifted.when(lift_suppression, reason="again").then_nothing()
    lifted.when(add_suppression, reason="asked by phone", source="api").then(ADDED)


def test_an_address_that_was_never_suppressed_is_not_lifted() -> None:
    assert not is_suppressed(None)
    given(SUPPRESSION).when(lift_suppression, reason="x").then_refused("unknown_stream")


def test_both_need_a_reason() -> None:
    given(SUPPRESSION).when(add_suppression, reason=" ", source="api").then_refused("out_of_range", field="reason")
    given(SUPPRESSION).when(add_suppression, reason="x", source=" ").then_refused("out_of_range", field="source")
    given(SUPPRESSION, ADDED).when(lift_suppression, reason="").then_refused("out_of_range", field="reason")


@pytest.mark.parametrize(
    ("channel", "spellings"),
    [
        (Channel.PHONE, ["+351210000001", "+351 210 000 001", "00351-210.000.001", " +351 (210) 000/001 "]),
        (Channel.PHONE, ["+442071838750", "+44 (0)20 7183 8750", "0044 20 7183 8750"]),
        (Channel.EMAIL, ["ada@example.com", " Ada@Example.COM "]),
        (
            Channel.LINKEDIN,
            ["linkedin.com/in/ada", "https://www.linkedin.com/in/Ada/", "http://linkedin.com/in/ada"],
        ),
    ],
)
def test_usual_spellings_of_an_address_are_the_same_stream(channel: Channel, spellings: list[str]) -> None:
    normal = {normalized_address(channel, spelling) for spelling in spellings}
    assert normal == {spellings[0]}
    assert {suppression_id(b"k", channel, text or "") for text in normal} == {
        suppression_id(b"k", channel, spellings[0])
    }


@pytest.mark.parametrize(
    ("national", "country", "international"),
    [
        ("210 000 001", "PT", "+351210000001"),
        ("020 7183 8750", "GB", "+442071838750"),
        ("(202) 555-0123", "US", "+12025550123"),
        ("0044 20 7183 8750", "PT", "+442071838750"),
        ("+351 210 000 001", "US", "+351210000001"),
    ],
)
def test_a_national_number_is_of_the_country_beside_it(national: str, country: str, international: str) -> None:
    assert normalized_address(Channel.PHONE, national, country) == international


@pytest.mark.parametrize("number", ["210 000 001", "020 7183 8750", "12025550123"])
def test_a_number_that_names_no_country_is_no_address_without_one(number: str) -> None:
    assert normalized_address(Channel.PHONE, number) is None


@pytest.mark.parametrize(
    ("number", "country"),
    [
        ("+351210000001", "PT"),
        ("+12025550123", "US"),
        ("+16135550123", "CA"),
        ("+77012345678", "KZ"),
        ("+35121", "PT"),
    ],
)
def test_a_number_says_its_country(number: str, country: str) -> None:
    assert country_of(number) == country
    assert country in COUNTRIES


@pytest.mark.parametrize("number", ["+80012345678", "+11005550006", "+999", "210000001", ""])
def test_a_number_of_no_country_says_none(number: str) -> None:
    assert country_of(number) is None


@pytest.mark.parametrize(
    ("channel", "text"),
    [
        (Channel.PHONE, ""),
        (Channel.PHONE, "12"),
        (Channel.PHONE, "+1" + "0" * 20),
        (Channel.PHONE, "ada@example.com"),
        (Channel.PHONE, "+351 210 000 001 ext. 5"),
        (Channel.PHONE, "+351 21"),
        (Channel.EMAIL, "ada"),
        (Channel.EMAIL, "ada@localhost"),
        (Channel.EMAIL, "a b@example.com"),
        (Channel.EMAIL, "a" * 320 + "@example.com"),
        (Channel.LINKEDIN, "ada"),
        (Channel.LINKEDIN, ""),
    ],
)
def test_other_texts_are_no_addresses(channel: Channel, text: str) -> None:
    assert normalized_address(channel, text) is None
