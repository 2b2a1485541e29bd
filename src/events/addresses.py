"""Addresses in the one spelling under which they are compared and hashed."""

import re

from drumbeat.events.values import Channel

_NOT_DIALLED = re.compile(r"[\s().\-/]")
_PHONE = re.compile(r"\+?[0-9]{3,20}")
_EMAIL = re.compile(r"[^@\s]+@[^@\s]+\.[^@\s]+")
_PROFILE = re.compile(r"[^\s/]+(/[^\s/]+)+")


def normalized_address(channel: Channel, address: str) -> str:
    """The same text for every usual spelling of an address.

    A phone number keeps its digits and a leading plus (00 becomes one); no country is guessed for a number that
    names none. The text of something that is no address comes back as `is_address` refuses it.
    """
    text = address.strip()
    match channel:
        case Channel.PHONE:
            digits = _NOT_DIALLED.sub("", text)
            return f"+{digits[2:]}" if digits.startswith("00") else digits
        case Channel.EMAIL:
            return text.lower()
        case Channel.LINKEDIN:
            return text.lower().removeprefix("https://").removeprefix("http://").removeprefix("www.").rstrip("/")


def is_address(channel: Channel, address: str) -> bool:
    """Whether a text can be an address of this channel; not whether anybody is there."""
    normal = normalized_address(channel, address)
    shape = {Channel.PHONE: _PHONE, Channel.EMAIL: _EMAIL, Channel.LINKEDIN: _PROFILE}[channel]
    return len(normal) <= 320 and shape.fullmatch(normal) is not None
