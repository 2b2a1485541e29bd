"""A broker for a person to try, by `make kafka` and `make run-kafka`.

    python -m support.kafka fetch                 bring Kafka's jars, if this machine can
    python -m support.kafka broker [PORT]         one broker in the foreground, until Ctrl-C
    python -m support.kafka drumbeat [PORT]       Drumbeat with its demonstration, all of it by way of Kafka

Its data stays in `kafka/` of DRUMBEAT_HOME.
"""

import os
import signal
import socket
import subprocess
import sys
import time
from contextlib import ExitStack, closing
from pathlib import Path

from support.kafka.broker import Broker, BrokerDidNotStart
from support.kafka.programs import ProgramsMissing, java, kafka_version, libraries
from support.kafka.wire import answers

PROGRAMS = Path(sys.executable).parent
ENDED_BY_CTRL_C = 130


def main() -> int:
    """Run one of them and give its exit code; what is missing is told in one line."""
    what, *rest = sys.argv[1:] or ["broker"]
    port = int(rest[0]) if rest else 9092
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        if what == "fetch":
            return fetch()
        return broker(port) if what == "broker" else through_kafka(port)
    except KeyboardInterrupt:
        return ENDED_BY_CTRL_C
    except ProgramsMissing as missing:
        return _told(f"{missing}: Kafka needs Java 17 or later and Maven")
    except BrokerDidNotStart as failed:
        return _told(str(failed))


def fetch() -> int:
    """Bring what is missing. It is no failure when that cannot be: the tests say so themselves."""
    try:
        java()
        libraries(say=_say)
    except ProgramsMissing as missing:
        _say(f"kafka: {missing}")
    return 0


def broker(port: int) -> int:
    """One broker, until Ctrl-C."""
    with ExitStack() as running:
        started = _start(port, running)
        _say(f"Kafka {kafka_version()} listens at {started.bootstrap}, its data is in {started.folder}.")
        _say("Ctrl-C ends it. What can be done with it meanwhile:")
        _say(f"  DRUMBEAT_KAFKA_BOOTSTRAP={started.bootstrap} {PROGRAMS / 'drumbeat'} streams create")
        _say(f"  {PROGRAMS / 'kafka-python'} consumer -b {started.bootstrap} -t drumbeat.contacts")
        while started.is_running:
            time.sleep(0.2)
    return _told("the broker ended by itself; its words are in broker.log there")


def through_kafka(port: int) -> int:
    """Drumbeat and its demonstration over the broker of this port, which is started when none runs there."""
    with ExitStack() as running:
        bootstrap = f"127.0.0.1:{port}"
        if answers(port):
            _say(f"joining the broker at {bootstrap}")
        else:
            _start(port, running)
        env = {**os.environ, "DRUMBEAT_KAFKA_BOOTSTRAP": bootstrap}
        made = subprocess.run([PROGRAMS / "drumbeat", "streams", "create"], env=env, check=False)
        if made.returncode != 0:
            return made.returncode
        with subprocess.Popen([PROGRAMS / "drumbeat", "up", "--demonstration"], env=env) as up:
            return _until_it_ends(up)


def _until_it_ends(up: "subprocess.Popen[bytes]") -> int:
    # Ctrl-C reaches it too and it ends in its own time; the broker is to outlive it. SIGTERM reaches us alone.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, lambda *_: up.terminate())
    return up.wait()


def _start(port: int, running: ExitStack) -> Broker:
    _refuse_taken(port)
    java()
    libraries(say=_say)
    started = Broker(Path(os.environ.get("DRUMBEAT_HOME") or ".drumbeat") / "kafka", port=port)
    running.callback(started.close)
    started.start()
    return started


def _refuse_taken(port: int) -> None:
    with closing(socket.socket()) as one:
        one.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            one.bind(("127.0.0.1", port))
        except OSError:
            raise BrokerDidNotStart(f"port {port} is taken: end what listens there, or say KAFKA_PORT=…") from None


def _say(words: str) -> None:
    sys.stderr.write(f"{words}\n")


def _told(words: str) -> int:
    _say(f"kafka: {words}")
    return 1


if __name__ == "__main__":
    sys.exit(main())
