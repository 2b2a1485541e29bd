"""`python -m benchmarks [--quick] [AXIS …]`: run all axes or some, print the table, keep the results."""

import argparse
import sys

from benchmarks import (
    append,
    as_of,
    audit,
    bulk,
    bulk_decide,
    command_http,
    enrol_http,
    follow,
    go_live,
    growth,
    import_bank,
    import_beside,
    kafka_live,
    kafka_two,
    key_check,
    live,
    read_dashboard,
    rebuild,
    relay,
    sealing,
    simulate,
    visible,
)
from benchmarks.harness import Axis, bench, table, write
from drumbeat.telemetry import configure_logging
from drumbeat.transport.cluster import quieten_the_library

AXES: dict[str, Axis] = {
    "append-1": append.one_event_a_transaction,
    "append-20": append.twenty_events_a_transaction,
    "as-of": as_of.earlier_moments,
    "audit": audit.tree_over_the_log,
    "bulk-decide": bulk_decide.decisions_included,
    "bulk-bytes": bulk.bytes_ready,
    "command-http": command_http.commands_over_http,
    "enrol-http": enrol_http.ten_thousand_at_once,
    "command-p99-import": import_beside.beside_an_import,
    "follow-1": follow.one_event_a_transaction,
    "follow-20": follow.twenty_events_a_transaction,
    "go-live": go_live.beside_readers_and_writers,
    "growth": growth.growing_log,
    "import-bank": import_bank.bank_import,
    "key-check": key_check.who_asks_and_how_often,
    "kafka-live-together": kafka_live.events_of_a_contact_together,
    "kafka-live-scattered": kafka_live.every_event_another_contacts,
    "kafka-two": kafka_two.two_projectors,
    "live-together": live.events_of_a_contact_together,
    "live-scattered": live.every_event_another_contacts,
    "read-dashboard": read_dashboard.dashboard_read,
    "rebuild-1": rebuild.by_one_worker,
    "rebuild-2": rebuild.by_two_workers,
    "relay": relay.log_to_kafka,
    "sealing": sealing.people_and_the_rest,
    "simulate": simulate.seven_limits,
    "verify": rebuild.verified,
    "visible-kafka": visible.through_kafka,
    "visible-log": visible.embedded,
}
"""Every axis by the name that performance figures are quoted under."""


def main() -> int:
    """Run what was asked for. A missed goal stands in the table; a result that is wrong ends the run."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks")
    parser.add_argument("--quick", action="store_true", help="one run a side, on less work")
    parser.add_argument("axes", nargs="*", metavar="AXIS", help=f"any of: {', '.join(AXES)}")
    arguments = parser.parse_args()
    unknown = sorted(set(arguments.axes) - set(AXES))
    if unknown:
        parser.error(f"unknown axes {', '.join(unknown)}; there are {', '.join(AXES)}")
    # Debug records would cost what is measured, and stand in the table's way.
    configure_logging(process="bench", level="warning")
    quieten_the_library()
    results = []
    with bench(quick=arguments.quick) as run:
        for name in arguments.axes or AXES:
            measured = AXES[name](run)
            for result in measured if isinstance(measured, list) else [measured]:
                write(result, run.postgres)
                results.append(result)
    print(table(results))
    return 0


if __name__ == "__main__":
    sys.exit(main())
