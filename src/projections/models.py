"""The read models that answer readers' questions. Policies have one more, of their timers."""

from typing import Final

from drumbeat.projections import (
    activity,
    attempts,
    campaigns,
    contacts,
    dashboard,
    heatmap,
    history,
    schedules,
    senders,
)

FOR_READERS: Final = tuple(
    module.PROJECTION
    for module in (campaigns, contacts, attempts, dashboard, heatmap, senders, schedules, activity, history)
)
"""In the order in which their views are made: a view may join another's table."""
