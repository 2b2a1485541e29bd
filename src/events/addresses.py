"""Addresses in the one spelling under which they are kept, compared and hashed."""

import re

import phonenumbers

from drumbeat.events.values import Channel

LONGEST_ADDRESS = 320

_NOT_DIALLED = re.compile(r"[\s().\-/]")
_EMAIL = re.compile(r"[^@\s]+@[^@\s]+\.[^@\s]+")
_PROFILE = re.compile(r"[^\s/]+(/[^\s/]+)+")

ALLOWED = {
    Channel.PHONE: "a phone number as +country number without an extension, or with its country beside it",
    Channel.EMAIL: "a mailbox, such as ada@example.com",
    Channel.LINKEDIN: "the address of a profile, such as linkedin.com/in/ada",
}
"""What an address of each channel has to be, in words."""

COUNTRIES = frozenset(phonenumbers.SUPPORTED_REGIONS)
"""The countries with telephones, as ISO 3166-1 alpha-2."""


def normalized_address(channel: Channel, address: str, country: str | None = None) -> str | None:
    """The same text for every usual spelling of an address; None for what can be no address of this channel.

    A phone number becomes E.164. One that names no country is of `country` (ISO 3166-1 alpha-2), and without that
    it is no address: which country it is in would be a guess. Its length is judged, not whether anybody is there.
    """
    text = address.strip()
    if len(text) > LONGEST_ADDRESS:
        return None
    match channel:
        case Channel.PHONE:
            return _e164(text, country)
        case Channel.EMAIL:
            return _matching(_EMAIL, text.lower())
        case Channel.LINKEDIN:
            bare = text.lower().removeprefix("https://").removeprefix("http://").removeprefix("www.").rstrip("/")
            return _matching(_PROFILE, bare)


def country_of(phone: str) -> str | None:
    """The country of a number in E.164, as ISO 3166-1 alpha-2; None where its plan does not say."""
    try:
        country = phonenumbers.region_code_for_number(phonenumbers.parse(phone))
    except phonenumbers.NumberParseException:
        return None
    # The library's word for numbers that belong to no country is 001.
    return country if country in COUNTRIES else None


def dialled(text: str) -> str:
    """What of a phone number's spelling is dialled: without blanks, brackets, dots, dashes and slashes."""
    return _NOT_DIALLED.sub("", text)


def _e164(text: str, country: str | None) -> str | None:
    # 00 is dialled for the plus in most of the world, and the library knows that only where a country is named.
    bare = dialled(text)
    international = f"+{bare[2:]}" if country is None and bare.startswith("00") else text
    try:
        number = phonenumbers.parse(international, country)
    except phonenumbers.NumberParseException:
        return None
    # An extension cannot be dialled by the number that is kept: it must not get lost unseen.
    if number.extension or not phonenumbers.is_possible_number(number):
        return None
    return phonenumbers.format_number(number, phonenumbers.PhoneNumberFormat.E164)


def _matching(shape: re.Pattern[str], text: str) -> str | None:
    return text if shape.fullmatch(text) else None
