"""The campaign: its stages, how facts change it, and one decision function a verb."""

from drumbeat.aggregates.aggregate import Aggregate
from drumbeat.aggregates.campaign.evolve import evolve
from drumbeat.aggregates.campaign.state import Campaign
from drumbeat.aggregates.campaign.terms_of import terms_of

CAMPAIGN: Aggregate[Campaign] = Aggregate("campaign", Campaign, evolve)

__all__ = ["CAMPAIGN", "Campaign", "terms_of"]
