"""What the decisions say of a row, told in the words of the file: its column, its value."""

from typing import Any

from drumbeat.commands.enrolment import ContactRow, refusal_of, refused_row
from drumbeat.intake.fields import Complaint
from drumbeat.intake.mapping import Mapping
from drumbeat.intake.rows import Person, Refusal, Row


def refusal_of_person(row: Row, mapping: Mapping) -> Refusal | None:
    """What enrolment would say of the row's person, without enrolling anybody; None when nothing is wrong."""
    person = row.person
    wish = ContactRow(
        reference=person.reference,
        name=person.name,
        phone=person.phone,
        country=person.country,
        email=person.email,
        profile=dict(person.profile),
        zone=person.zone,
        tags=person.tags,
    )
    refused = refusal_of(wish)
    if refused is None:
        return None
    return Refusal(row.number, row.line, (complaint(refused_row(refused), person, mapping),))


def complaint(answer: dict[str, Any], person: Person, mapping: Mapping) -> Complaint:
    """A refused row's answer as a line of the report."""
    field = str(answer.get("field", ""))
    column = getattr(mapping.contact, field, None) or getattr(mapping.call, field, None)
    # A refusal may be kept and so repeats no personal value; the report is the file owner's own.
    value = answer.get("value", getattr(person, field, ""))
    allowed = f" (allowed: {answer['allowed']})" if "allowed" in answer else ""
    return Complaint(column if isinstance(column, str) else field, str(value), f"{answer['message']}{allowed}")
