"""A contact in a campaign: state, how facts change it, and one decision function a verb."""
