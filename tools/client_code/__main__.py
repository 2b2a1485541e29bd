"""Writes `src/client/generated`."""

from client_code.files import FOLDER, generated


def write() -> None:
    """Write every file, and remove what no longer follows from the document."""
    FOLDER.mkdir(exist_ok=True)
    made = generated()
    for path in FOLDER.glob("*.py"):
        if path not in made:
            path.unlink()
    for path, text in made.items():
        path.write_text(text)


if __name__ == "__main__":
    write()
