"""The file of master keys: made whole and for its owner alone, refused by name when it is anything else."""

import stat
import threading
from pathlib import Path

import pytest

from drumbeat.access.master_keys import MasterKeyFile, MasterKeyFileUnfit, MasterKeyMissing
from drumbeat.access.sealing import DoesNotOpen
from drumbeat.opsapi.master_keys import master_keys
from drumbeat.settings import Settings

KEY, PLACE = b"k" * 32, b"somebody"


@pytest.fixture
def file(tmp_path: Path) -> MasterKeyFile:
    made = MasterKeyFile(tmp_path / "home" / "master.keys")
    assert made.make()
    return made


def test_a_file_is_made_once_and_for_its_owner_alone(file: MasterKeyFile) -> None:
    assert stat.S_IMODE(file.path.stat().st_mode) == 0o600
    before = file.path.read_text()
    assert not file.make()
    assert file.path.read_text() == before


def test_two_that_make_it_at_once_use_the_same_keys(tmp_path: Path) -> None:
    path = tmp_path / "master.keys"
    threads = [threading.Thread(target=MasterKeyFile(path).make) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len([line for line in path.read_text().splitlines() if not line.startswith("#")]) == 1


def test_a_wrapped_key_opens_under_its_master_key_and_for_its_person_alone(file: MasterKeyFile) -> None:
    master, wrapped = file.wrap(KEY, PLACE)
    assert KEY not in wrapped
    assert file.unwrap(master, wrapped, PLACE) == KEY
    with pytest.raises(DoesNotOpen):
        file.unwrap(master, wrapped, b"somebody else")
    with pytest.raises(DoesNotOpen):
        file.unwrap(master, wrapped[:-1] + bytes([wrapped[-1] ^ 1]), PLACE)


def test_a_key_that_is_added_wraps_from_then_on_and_the_old_one_still_opens(file: MasterKeyFile) -> None:
    reader = MasterKeyFile(file.path)
    old, wrapped = reader.wrap(KEY, PLACE)
    new = file.add()
    assert reader.newest() == new != old
    assert reader.wrap(KEY, PLACE)[0] == new
    assert reader.unwrap(old, wrapped, PLACE) == KEY
    assert stat.S_IMODE(file.path.stat().st_mode) == 0o600


def test_a_master_key_that_the_file_lacks_is_named(file: MasterKeyFile, tmp_path: Path) -> None:
    other = MasterKeyFile(tmp_path / "other.keys")
    other.make()
    master, wrapped = other.wrap(KEY, PLACE)
    with pytest.raises(MasterKeyMissing, match=rf"{file.path} lack master key {master}"):
        file.unwrap(master, wrapped, PLACE)


@pytest.mark.parametrize("mode", [0o640, 0o604, 0o660, 0o644, 0o601])
def test_a_file_that_others_may_read_is_refused_by_its_name_and_mode(file: MasterKeyFile, mode: int) -> None:
    file.path.chmod(mode)
    with pytest.raises(MasterKeyFileUnfit, match=rf"{file.path} has mode {mode:04o}, but must be .* 0600"):
        file.check()


@pytest.mark.parametrize("text", ["", "# nothing\n", "not Base64!\n", "c2hvcnQ=\n", "é\n"])
def test_a_file_without_good_keys_is_refused_by_its_name(file: MasterKeyFile, text: str) -> None:
    file.path.write_text(text)
    with pytest.raises(MasterKeyFileUnfit, match=str(file.path)):
        file.check()


def test_a_file_that_is_not_there_is_refused_by_its_name(tmp_path: Path) -> None:
    with pytest.raises(MasterKeyFileUnfit, match=r"missing\.keys, cannot be read: No such file"):
        MasterKeyFile(tmp_path / "missing.keys").check()
    with pytest.raises(MasterKeyFileUnfit, match="must be a file"):
        MasterKeyFile(tmp_path).check()


def test_the_embedded_machine_makes_its_own_and_nobody_else_does(tmp_path: Path) -> None:
    ours = master_keys(Settings(home=tmp_path))
    ours.check()
    assert ours.path == tmp_path / "master.keys"
    own = "postgresql://somewhere/drumbeat"
    with pytest.raises(MasterKeyFileUnfit, match="DRUMBEAT_MASTER_KEY_FILE names no file"):
        master_keys(Settings(home=tmp_path / "other", database_url=own))
    named = master_keys(Settings(database_url=own, master_key_file=tmp_path / "named.keys"))
    assert not named.path.exists()
