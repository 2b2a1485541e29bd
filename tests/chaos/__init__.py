"""Proof under fault: everything is killed, paused and poisoned while writers write, and in the end all agrees.

`make chaos` runs a long storm, `make chaos-short` a short one; docs/reliability.md says what they show.
"""
