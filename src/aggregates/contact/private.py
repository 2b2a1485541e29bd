"""What was said in a call, judged on the way in."""

from drumbeat.aggregates.contact.state import Contact
from drumbeat.aggregates.refusals import RefusalCode, Refused
from drumbeat.events.values import CallPrivate

LONGEST_SUMMARY = 20_000
LONGEST_TRANSCRIPT_REFERENCE = 500


def call_private(summary: str | None, transcript_reference: str | None) -> CallPrivate | None:
    """Summary and transcript's reference as one; None when there is neither. Raises `out_of_range`.

    A refused text is personal and not repeated in the refusal, which may be kept.
    """
    if summary is None and transcript_reference is None:
        return None
    _not_longer("summary", summary, LONGEST_SUMMARY)
    _not_longer("transcript_reference", transcript_reference, LONGEST_TRANSCRIPT_REFERENCE)
    return CallPrivate(summary=summary, transcript_reference=transcript_reference)


def unless_erased(contact: Contact, private: CallPrivate | None) -> CallPrivate | None:
    """What is recorded of what was said: nothing of a person who was erased, whenever it comes."""
    return None if contact.erased else private


def _not_longer(field: str, text: str | None, longest: int) -> None:
    if text is not None and len(text) > longest:
        raise Refused(
            RefusalCode.OUT_OF_RANGE,
            f"{field} has {len(text):,} characters",
            field=field,
            value=len(text),
            allowed=f"at most {longest:,} characters",
        )
