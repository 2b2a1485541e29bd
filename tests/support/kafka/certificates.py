"""A certificate authority and a broker's certificate, made when needed by the Java that runs the broker."""

import subprocess
from pathlib import Path
from typing import Final

from support.kafka.programs import java

CA_FILE: Final = "ca.pem"
KEYSTORE: Final = "broker.p12"
PASSWORD: Final = "for-tests"
"""Of the keystore, which holds nothing that is trusted anywhere."""


def make_certificates(folder: Path) -> None:
    """Put the authority's certificate and the broker's keystore, for 127.0.0.1 and localhost, into a folder."""
    pair = ("-genkeypair", "-keyalg", "EC", "-groupname", "secp256r1", "-validity", "30")
    _keytool(
        folder, *pair, "-alias", "ca", "-dname", "CN=Drumbeat tests", "-ext", "bc:c", "-ext", "ku=keyCertSign"
    )
    names = ("-ext", "san=ip:127.0.0.1,dns:localhost")
    _keytool(folder, *pair, "-alias", "broker", "-dname", "CN=localhost", "-signer", "ca", *names)
    _keytool(folder, "-exportcert", "-rfc", "-alias", "ca", "-file", CA_FILE)
    _keytool(folder, "-delete", "-alias", "ca")


def _keytool(folder: Path, *arguments: str) -> None:
    program = Path(java()).resolve().with_name("keytool")
    command = [str(program), *arguments, "-keystore", KEYSTORE, "-storetype", "PKCS12", "-storepass", PASSWORD]
    subprocess.run(command, cwd=folder, check=True, capture_output=True, timeout=60, stdin=subprocess.DEVNULL)
