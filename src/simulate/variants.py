"""Which settings a simulation may change, what they may be, and how they are read."""

from collections.abc import Mapping, Sequence
from typing import Any, Final

import msgspec

from drumbeat.aggregates.campaign.settings_rules import read_settings
from drumbeat.aggregates.refusals import RefusalCode, Refused
from drumbeat.aggregates.values import out_of_range
from drumbeat.events.settings import CampaignSettings

MAX_RETRIES: Final = "max_retries"
SIMULATED: Final = (MAX_RETRIES, "retry_interval_seconds", "completion_timeout_seconds", "callback_retry")
"""The settings that decide which attempts are made and when a contact is finished."""

MOST_RETRIES: Final = 1_000
MOST_VARIANTS: Final = 50
NO_LIMIT: Final = 1_000_000_000
"""`max_retries: none` for decisions that count: more than any history has."""

_RETRIES_ALLOWED = f"0 to {MOST_RETRIES:,}, or none"
_LONGEST_NAME_SHOWN = 100


class Variant(msgspec.Struct, frozen=True):
    """Settings that replace those in force; what is not among `changes` stays as it was at each moment."""

    changes: dict[str, Any]

    @property
    def name(self) -> str:
        """The variant for people, the same for the same settings."""
        said = (f"{field}={'none' if value is None else value}" for field, value in self.changes.items())
        return ", ".join(said) or "as it was"

    @property
    def limited(self) -> bool:
        """Whether it says how many attempts are allowed (`none` says so too)."""
        return MAX_RETRIES in self.changes

    def over(self, in_force: CampaignSettings) -> CampaignSettings:
        """The settings with those of the variant in place of theirs."""
        told = dict(self.changes)
        if self.limited and told[MAX_RETRIES] is None:
            told[MAX_RETRIES] = NO_LIMIT
        return in_force.model_copy(update=told)


def read_variants(given: Sequence[Mapping[str, object]]) -> tuple[Variant, ...]:
    """Each as `read_variant` reads it. Raises `Refused` for more than 50, and for what one of them raises."""
    if len(given) > MOST_VARIANTS:
        raise out_of_range("variants", len(given), f"at most {MOST_VARIANTS} variants")
    return tuple(read_variant(one) for one in given)


def read_variant(given: Mapping[str, object]) -> Variant:
    """Settings by their names, as a campaign's are given: a duration in seconds, or as text with a unit under its
    name without `_seconds`. `max_retries` may be `none` (null) and greater than a campaign's may.

    Raises `Refused`: `out_of_range` with field, value and what is allowed; `invalid_settings` for what is no
    setting, cannot be simulated or is given twice.
    """
    changes: dict[str, Any] = {}
    for name, value in given.items():
        field = name if name in SIMULATED else f"{name}_seconds"
        if field not in SIMULATED:
            shown = name[:_LONGEST_NAME_SHOWN]
            raise Refused(
                RefusalCode.INVALID_SETTINGS,
                f"{shown!r} cannot be simulated; these can: {', '.join(SIMULATED)}",
                field=shown,
                allowed=", ".join(SIMULATED),
            )
        if field in changes:
            raise Refused(RefusalCode.INVALID_SETTINGS, f"{field} is given twice", field=name)
        changes[field] = _read(field, name, value)
    return Variant({field: changes[field] for field in SIMULATED if field in changes})


def _read(field: str, name: str, value: object) -> Any:
    if field != MAX_RETRIES:
        return getattr(read_settings(CampaignSettings(), {name: value}), field)
    if value is None or value == "none":
        return None
    if isinstance(value, bool) or not isinstance(value, int) or not 0 <= value <= MOST_RETRIES:
        raise out_of_range(name, value, _RETRIES_ALLOWED)
    return value
