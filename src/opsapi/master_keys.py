"""The file of master keys that the settings name, or that the embedded machine keeps beside its Postgres."""

from pathlib import Path

from drumbeat.access.master_keys import MasterKeyFile, MasterKeyFileUnfit
from drumbeat.settings import Settings, variable_of


def master_key_path(settings: Settings) -> Path | None:
    """Where the master keys are; None when nobody has said so."""
    if settings.master_key_file is not None:
        return settings.master_key_file
    return settings.home / "master.keys" if settings.database_url is None else None


def master_keys(settings: Settings) -> MasterKeyFile:
    """The master keys. The embedded machine's are made at the first start, and nobody else's.

    Raises `MasterKeyFileUnfit` when no file is named, or when it cannot be made; others show when they are used.
    """
    path = master_key_path(settings)
    if path is None:
        raise MasterKeyFileUnfit(
            f"{variable_of('master_key_file')} names no file of master keys, which a database of your own needs "
            "to seal personal data: `drumbeat people make-master-key FILE` makes one"
        )
    file = MasterKeyFile(path)
    if settings.master_key_file is None:
        file.make()
    return file


def checked_master_keys(settings: Settings) -> MasterKeyFile:
    """The same, for a process that seals or opens: it begins with keys or not at all."""
    file = master_keys(settings)
    file.check()
    return file
