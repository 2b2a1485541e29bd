"""Random commands on a running system, policies at work between them: nothing disagrees, nothing gets stuck."""

from uuid import UUID

import pytest

from drumbeat.aggregates.campaign import CAMPAIGN
from drumbeat.aggregates.campaign.state import Paused
from drumbeat.aggregates.contact.evolve import AGGREGATE as CONTACT
from drumbeat.aggregates.contact.state import status_of
from drumbeat.aggregates.suppression import SUPPRESSION, is_suppressed
from drumbeat.events.ids import contact_id
from drumbeat.events.values import CampaignStatus, Channel
from support.random_worlds import PEOPLE, World
from support.whole import Whole, whole_system

pytestmark = pytest.mark.postgres


def check(world: World) -> None:
    """What readers and policies see is what decisions see, and what is due has been done."""
    system = world.system
    system.settle(40)
    assert system.rows("SELECT count(*) FROM readmodel.parked_events") == [(0,)]
    assert system.rows(_SUMS) == []
    for chosen in world.campaigns:
        state = system.ledger.load(CAMPAIGN, chosen).state
        assert state is not None
        ((status, judge_after),) = system.rows(_WATCH, chosen)
        assert status == state.STATUS
        open_contacts = sum(_open(system, contact_id(chosen, person), state.STATUS) for person in (*PEOPLE, "x"))
        if judge_after:
            continue  # reopened: judged after the next contact's event only
        if state.STATUS is CampaignStatus.RUNNING:
            assert open_contacts > 0
        if isinstance(state, Paused):
            assert state.core.audience_processed is (open_contacts == 0)


def _open(system: Whole, person: UUID, campaign_status: CampaignStatus) -> bool:
    contact = system.ledger.load(CONTACT, person).state
    if contact is None or not contact.enrolled:
        return False
    ((status, substatus, removed),) = system.rows(_CONTACT, person)
    seen = status_of(contact)
    assert removed is (seen is None)
    assert removed or (status, substatus) == seen
    if contact.over:
        return False
    if campaign_status in {CampaignStatus.RUNNING, CampaignStatus.PAUSED, CampaignStatus.FINALIZING}:
        listed = [is_suppressed(system.ledger.load(SUPPRESSION, key).state) for key in contact.keys(Channel.PHONE)]
        assert not any(listed)
    return True


_WATCH = "SELECT status, judge_after FROM live.campaign_watch WHERE campaign_id = %s"
_CONTACT = "SELECT status, substatus, removed FROM live.contacts WHERE contact_id = %s"
# Campaigns whose counters are not the sums over their contacts; removed ones count in times and not in labels.
_SUMS = """
SELECT * FROM (
    SELECT campaign_id, count(*) FILTER (WHERE NOT removed) AS contacts, sum(talk_time_seconds) AS talk,
           sum(total_time_seconds) AS total
    FROM live.contacts GROUP BY campaign_id
) c JOIN (
    SELECT campaign_id, coalesce(sum(value) FILTER (WHERE metric = 'contacts_by_label'), 0) AS labelled,
           coalesce(sum(value) FILTER (WHERE metric = 'talk_time_seconds'), 0) AS talk,
           coalesce(sum(value) FILTER (WHERE metric = 'total_time_seconds'), 0) AS total
    FROM live.dashboard_counters GROUP BY campaign_id
) d USING (campaign_id)
WHERE (c.contacts, c.talk, c.total) <> (d.labelled, d.talk, d.total)
"""


@pytest.mark.long
@pytest.mark.parametrize("seed", [1, 2])
def test_a_random_world_agrees_with_itself_and_comes_to_rest(database_url: str, seed: int) -> None:
    with whole_system(database_url) as system:
        world = World(system, seed)
        for _ in range(5):
            for _ in range(60):
                world.act()
            check(world)
        for _ in range(4):  # long enough for every lost call, retry interval, timeout and deadline in turn
            system.pass_time(days=5)
        check(world)
        assert system.rows(_WAITING) == [(0,)]
        ((kinds,),) = system.rows("SELECT count(DISTINCT type) FROM ledger.events")
        assert kinds >= 25, "the story is a rich one"


_WAITING = """
SELECT (SELECT count(*) FROM live.contact_watch WHERE in_flight IS NOT NULL OR completion_due_at IS NOT NULL)
     + (SELECT count(*) FROM live.campaign_watch WHERE status = 'finalizing')
"""
