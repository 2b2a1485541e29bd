"""Ours, the peer and the floor, measured in one run on one machine. `make bench` runs them."""

import sys
from pathlib import Path

# What benchmarks share with the tests, a broker say, stands there; they are run with their folder on the path.
sys.path.append(str(Path(__file__).parents[1] / "tests"))
