"""Random histories of called contacts, as the decisions themselves make them, told in any order of the streams."""

from uuid import UUID, uuid5

from hypothesis import strategies as st

from drumbeat.aggregates.contact.state import Contact
from drumbeat.events import Fact
from support.contact_stories import stories
from support.projecting import CAMPAIGN, ListLog

Told = list[tuple[UUID, Fact]]


@st.composite
def contacts(draw: st.DrawFn, most: int = 4) -> list[tuple[UUID, list[Fact], Contact | None]]:
    """Some contacts: stream, everything recorded of it, and what the decisions think of it at the end."""
    told = draw(st.lists(stories(), min_size=1, max_size=most))
    return [
        (uuid5(CAMPAIGN, str(number)), [fact for fact, _ in story.facts], story.state)
        for number, (story, _) in enumerate(told)
    ]


@st.composite
def merged(draw: st.DrawFn, streams: list[tuple[UUID, list[Fact]]]) -> Told:
    """Some interleaving that keeps each stream's order."""
    waiting = [(stream_id, list(facts)) for stream_id, facts in streams if facts]
    order: Told = []
    while waiting:
        stream_id, facts = waiting[draw(st.integers(0, len(waiting) - 1))]
        order.append((stream_id, facts.pop(0)))
        waiting = [item for item in waiting if item[1]]
    return order


@st.composite
def histories(draw: st.DrawFn, most: int = 4) -> Told:
    """Several contacts' stories, told together."""
    return draw(merged([(stream_id, facts) for stream_id, facts, _ in draw(contacts(most))]))


def log_of(told: Told) -> ListLog:
    """A log that holds a history."""
    log = ListLog()
    for stream_id, fact in told:
        log.tell(stream_id, fact)
    return log
