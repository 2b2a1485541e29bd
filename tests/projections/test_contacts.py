"""The contact list: one row a contact."""

from uuid import uuid4

import pytest

from drumbeat.events.contact import ContactEnrolled
from drumbeat.events.values import CampaignSource, ContactPrivate
from drumbeat.projections import contacts
from support.projecting import ListLog, project, rows_of

pytestmark = pytest.mark.postgres


def test_an_enrolled_contact_is_pending(database_url: str) -> None:
    log = ListLog()
    contact_id = uuid4()
    log.tell(
        contact_id,
        ContactEnrolled(
            reference="r-1",
            source=CampaignSource.API,
            tags=("a", 'b "q" \\ x'),
            private=ContactPrivate(name="Ada\nL", phone="+49", profile={"city": "Kö\tln"}),
        ),
    )
    project(log, database_url, [contacts.PROJECTION])
    (row,) = rows_of(database_url, "contacts")
    assert (row["status"], row["substatus"], row["label"]) == ("not_started", "queued", "Pending")
    assert row["name"] == "Ada\nL"
    assert row["tags"] == ["a", 'b "q" \\ x']
    assert row["profile"] == {"city": "Kö\tln"}
