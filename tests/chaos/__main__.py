"""`python -m chaos [long|short] [--seed N] [--folder F]`: a storm; what happened and what it left is told."""

import argparse
import random
import signal
import sys
from pathlib import Path

from chaos.plan import LONG, SHORT, make_plan
from chaos.run import run
from drumbeat.telemetry import configure_logging
from drumbeat.transport.cluster import quieten_the_library
from support.kafka.programs import java, libraries


def main() -> int:
    """The exit code: 0 when nothing was lost, doubled or out of order, and everything agrees."""
    asked = argparse.ArgumentParser(prog="chaos", description=__doc__)
    asked.add_argument("size", choices=["long", "short"], nargs="?", default="long")
    asked.add_argument("--seed", type=int, help="that of an earlier storm, to make it again")
    asked.add_argument(
        "--folder", type=Path, help="where plan, diary and logs are kept; default .drumbeat/chaos/SEED"
    )
    asked.add_argument("--writers", type=int, default=3)
    given = asked.parse_args()
    seed = random.SystemRandom().randrange(1_000_000) if given.seed is None else given.seed
    folder = (given.folder or Path(".drumbeat") / "chaos" / str(seed)).resolve()
    configure_logging(process="chaos", level="error", log_format="text")
    quieten_the_library()
    # Whatever was started is ended, also when this is told to end.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    java()
    libraries()
    print(f"chaos: seed {seed}, everything is kept in {folder}", file=sys.stderr)
    plan = make_plan(seed, LONG if given.size == "long" else SHORT)
    figures = run(folder, seed, plan, writers=given.writers, aloud=True)
    print("\n".join(figures.lines()))
    print("well" if figures.is_well else f"NOT WELL; again with: make chaos SEED={seed}")
    return 0 if figures.is_well else 1


if __name__ == "__main__":
    sys.exit(main())
