"""What tests of the whole share."""

from collections.abc import Iterator

import pytest

from support.bank import Bank, imported_bank
from support.postgres import TestServer


@pytest.fixture(scope="session")
def bank(postgres_server: TestServer, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Bank]:
    """The imported bank file, its read models fed from the log; nobody writes to it."""
    with imported_bank(postgres_server, tmp_path_factory.mktemp("bank")) as made:
        yield made
