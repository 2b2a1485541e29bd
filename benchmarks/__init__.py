"""Ours, the peer and the floor, measured in one run on one machine. `make bench` runs them."""
