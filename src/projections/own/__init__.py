"""Projections that installed packages bring: found by their entry points, checked, and then treated like ours.

What does not fit is refused in one line and left out; nothing else of Drumbeat minds (docs/own-projection.md).
"""
