"""What is said of a person, judged and brought into the one spelling under which it is kept."""

import hashlib
import hmac
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from uuid import UUID, uuid5

from drumbeat.aggregates.refusals import RefusalCode, Refused
from drumbeat.aggregates.values import country_code, not_acceptable, out_of_range, require_storable
from drumbeat.events.addresses import ALLOWED, dialled, normalized_address
from drumbeat.events.hours import is_zone
from drumbeat.events.ids import suppression_id
from drumbeat.events.values import AddressKey, Channel, ContactPrivate, Priority

LONGEST_REFERENCE = 200
LONGEST_PERSONAL_TEXT = 500
LONGEST_TAG = 100
MOST_TAGS = 50
MOST_PROFILE_FIELDS = 100

_PHONE_NUMBER = re.compile(r"\+[0-9]{7,15}|[0-9]{9,17}")


@dataclass(frozen=True, slots=True)
class Profile:
    """What a contact's facts hold of the person."""

    private: ContactPrivate
    zone: str | None
    priority: Priority
    tags: tuple[str, ...]
    address_keys: tuple[AddressKey, ...]


def read_profile(
    *,
    name: str | None = None,
    phone: str | None = None,
    country: str | None = None,
    email: str | None = None,
    profile: Mapping[str, str] | None = None,
    zone: str | None = None,
    priority: str = Priority.NORMAL,
    tags: Sequence[str] = (),
    workspace_key: bytes,
) -> Profile:
    """Judge what is said of a person. Raises `Refused` (`out_of_range`) for the first value at fault.

    `country` is that of a phone number that names none. Blank texts count as not given. A refused personal value
    is not repeated in the refusal, which may be kept.
    """
    for field, value in (("name", name), ("profile", profile), ("tags", tags)):
        require_storable(field, value)
    private = ContactPrivate(
        name=_personal("name", name),
        phone=_address(Channel.PHONE, "phone", phone, _country(country)),
        email=_address(Channel.EMAIL, "email", email),
        profile=_fields(profile) if profile else {},
    )
    keys = tuple(
        AddressKey(channel=channel, key=suppression_id(workspace_key, channel, address))
        for channel, address in ((Channel.PHONE, private.phone), (Channel.EMAIL, private.email))
        if address is not None
    )
    return Profile(private, _zone(zone), _priority(priority), _tags(tags) if tags else (), keys)


def opaque_reference(reference: str, workspace_key: bytes) -> str:
    """The workspace's own id of a person; one that is a phone number or an email is replaced by its keyed hash.

    Other spellings of the same number or mailbox give the same hash. Raises `out_of_range`.
    """
    require_storable("reference", reference)
    text = reference.strip()
    if not 1 <= len(text) <= LONGEST_REFERENCE:
        raise Refused(
            RefusalCode.OUT_OF_RANGE,
            f"reference has {len(text)} characters",
            field="reference",
            value=len(text),
            allowed=f"1 to {LONGEST_REFERENCE} characters",
        )
    if "@" in text:
        mailbox = normalized_address(Channel.EMAIL, text)
        return text if mailbox is None else _hashed(mailbox, workspace_key)
    # Without its country a number is no address, but it is a person's number nonetheless.
    digits = dialled(text)
    if not _PHONE_NUMBER.fullmatch(digits):
        return text
    return _hashed(normalized_address(Channel.PHONE, text) or digits, workspace_key)


def address_claim_id(campaign_id: UUID, key: UUID) -> UUID:
    """The stream that says which contact of a campaign has an address (setting unique_address)."""
    return uuid5(campaign_id, f"address:{key}")


def _hashed(text: str, workspace_key: bytes) -> str:
    return hmac.new(workspace_key, f"reference:{text}".encode(), hashlib.sha256).hexdigest()


def _personal(field: str, text: str | None) -> str | None:
    trimmed = text.strip() if text else ""
    if len(trimmed) > LONGEST_PERSONAL_TEXT:
        raise not_acceptable(field, f"at most {LONGEST_PERSONAL_TEXT} characters")
    return trimmed or None


def _address(channel: Channel, field: str, text: str | None, country: str | None = None) -> str | None:
    if text is None or not text.strip():
        return None
    address = normalized_address(channel, text, country)
    if address is None:
        raise not_acceptable(field, ALLOWED[channel])
    return address


def _country(country: str | None) -> str | None:
    return country_code(country) if country and country.strip() else None


def _fields(profile: Mapping[str, str]) -> dict[str, str]:
    if len(profile) > MOST_PROFILE_FIELDS:
        raise out_of_range("profile", len(profile), f"at most {MOST_PROFILE_FIELDS} fields")
    for name, value in profile.items():
        if not 1 <= len(name.strip()) <= LONGEST_TAG or len(value) > LONGEST_PERSONAL_TEXT:
            raise not_acceptable(
                "profile", f"names of 1 to {LONGEST_TAG} and values of at most {LONGEST_PERSONAL_TEXT} characters"
            )
    return dict(profile)


def _zone(zone: str | None) -> str | None:
    name = zone.strip() if zone else ""
    if name and not is_zone(name):
        raise out_of_range("zone", name[:LONGEST_TAG], "an IANA zone name, such as Europe/Lisbon")
    return name or None


def _priority(priority: str) -> Priority:
    try:
        return Priority(priority.strip().lower())
    except ValueError:
        raise out_of_range("priority", priority[:LONGEST_TAG], ", ".join(Priority)) from None


def _tags(tags: Sequence[str]) -> tuple[str, ...]:
    distinct = tuple(dict.fromkeys(tag.strip() for tag in tags))
    if len(distinct) > MOST_TAGS:
        raise out_of_range("tags", len(distinct), f"at most {MOST_TAGS} tags")
    for tag in distinct:
        if not 1 <= len(tag) <= LONGEST_TAG:
            raise out_of_range("tags", f"{tag[:40]}…" if tag else "", f"tags of 1 to {LONGEST_TAG} characters")
    return distinct
