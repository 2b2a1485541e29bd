"""Drumbeat: the event-sourced backend of outreach campaigns. See README.md for the map of the folders."""
