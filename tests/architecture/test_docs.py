"""What the documentation says is so: commands exist, links lead somewhere, tables are those of the code."""

import re
from pathlib import Path
from typing import Any

import pytest
from typer.main import get_command

from drumbeat.access import person
from drumbeat.cli import app
from drumbeat.events.outcomes import MEANING
from drumbeat.opsapi.exits import Exit
from drumbeat.readapi.app import Deps as ReadDeps
from drumbeat.readapi.app import create_app
from drumbeat.web.app import create_app as create
from drumbeat.web.authenticating import OwnProcess
from drumbeat.writeapi.app import Deps, writing

ROOT = Path(__file__).parents[2]
PAGES = [ROOT / name for name in ("README.md", "CONTRIBUTING.md", "CHANGELOG.md")]
PAGES += sorted((ROOT / "docs").rglob("*.md"))


def commands_of(command: object, path: tuple[str, ...] = ()) -> set[tuple[str, ...]]:
    """Every command of `drumbeat` with its groups: ("campaign", "list")."""
    found = {path}
    for name, inner in getattr(command, "commands", {}).items():
        found |= commands_of(inner, (*path, name))
    return found


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_every_make_command_that_a_page_names_exists(page: Path) -> None:
    targets = set(re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(), re.MULTILINE))
    named = set(re.findall(r"(?:^|`|&& )make ([a-z-]+)", page.read_text(), re.MULTILINE))
    assert named <= targets


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_every_drumbeat_command_that_a_page_names_exists(page: Path) -> None:
    known = commands_of(get_command(app))
    groups = {path for path in known if any(other[:-1] == path for other in known)}
    for words in re.findall(r"(?:^|[`$ ])drumbeat ((?:[a-z-]+ ?)+)", code_of(page)):
        path: tuple[str, ...] = ()
        for word in words.split():
            if path not in groups:
                break
            path = (*path, word)
            assert path in known, f"drumbeat {words}"


def code_of(page: Path) -> str:
    """What stands in code, inline or in blocks: prose may say `drumbeat` freely."""
    text = page.read_text()
    blocks = re.findall(r"```.*?\n(.*?)```", text, re.DOTALL)
    inline = [f"`{code}`" for code in re.findall(r"`([^`\n]+)`", re.sub(r"```.*?```", "", text, flags=re.DOTALL))]
    return "\n".join([*blocks, *inline])


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_every_link_leads_to_a_file(page: Path) -> None:
    for target in re.findall(r"\]\(([^)#]+)(?:#[^)]*)?\)", page.read_text()):
        if "://" not in target:
            assert (page.parent / target).exists(), target


def test_every_folder_of_the_package_is_in_the_map() -> None:
    readme = (ROOT / "README.md").read_text()
    parts = [path for path in (ROOT / "src").iterdir() if path.is_dir() and path.name != "__pycache__"]
    assert [part.name for part in parts if f"`src/{part.name}`" not in readme] == []


def test_make_help_lists_every_command_of_the_makefile() -> None:
    makefile = (ROOT / "Makefile").read_text()
    phony = re.search(r"^\.PHONY: (.*)$", makefile, re.MULTILINE)
    assert phony is not None
    assert {line.split(":")[0] for line in re.findall(r"^[a-z-]+:.*## .*$", makefile, re.MULTILINE)} == set(
        phony[1].split()
    )


def test_the_table_of_outcomes_is_the_one_that_the_code_counts_by() -> None:
    rows: dict[str, tuple[str, bool, bool, bool]] = {}
    table = (ROOT / "docs" / "concepts.md").read_text().split("## Calls")[1].split("\n\n")[1]
    for line in table.splitlines()[2:]:
        outcomes, status, conversation, total, retried = (cell.strip() for cell in line.strip("|").split("|"))
        for outcome in outcomes.split(", "):
            rows[outcome] = (status, conversation == "yes", total == "yes", retried not in {"no", "–"})
    assert rows == {
        outcome: (m.answer_status, m.conversation, m.counts_in_total_time, m.retried)
        for outcome, m in MEANING.items()
    }


def test_the_exit_codes_are_documented_with_their_numbers() -> None:
    operations = (ROOT / "docs" / "operations.md").read_text()
    table = operations.split("## Exit codes")[1].split("\n\n")[2]
    listed = {int(line.split("|")[1]) for line in table.splitlines() if re.match(r"\| \d", line)}
    assert listed == {int(code) for code in Exit}


def test_the_api_page_lists_every_path_and_every_problem() -> None:
    page = (ROOT / "docs" / "api.md").read_text()
    served = create_app(ReadDeps(read_models_url="", ledger_url=""), OwnProcess(person)).openapi()["paths"]
    assert set(re.findall(r"^\| `(/[^`]*)` \|", page, re.MULTILINE)) == set(served)
    assert problems_on(page) == problems_in(served)


def test_the_page_of_commands_lists_every_command_and_every_problem() -> None:
    page = (ROOT / "docs" / "commands.md").read_text()
    nothing: Any = None
    deps = Deps(commands=nothing, dry=nothing, uploads=nothing, rebuilds=nothing, source=nothing)
    served = create([writing(deps)], OwnProcess(person)).openapi()["paths"]
    commands = {f"{method.upper()} {path}" for path, operations in served.items() for method in operations}
    assert set(re.findall(r"^\| `([A-Z]+ /[^`]*)` \|", page, re.MULTILINE)) == commands
    assert problems_on(page) == problems_in(served)


def problems_on(page: str) -> set[tuple[int, str]]:
    found = re.findall(r"^\| (\d+) \| `([^`]+)` \|", page, re.MULTILINE)
    return {(int(status), code) for status, code in found}


def problems_in(paths: dict[str, Any]) -> set[tuple[int, str]]:
    return {
        (int(status), code)
        for operations in paths.values()
        for operation in operations.values()
        for status, answer in operation["responses"].items()
        for code in answer.get("content", {}).get("application/problem+json", {}).get("examples", {})
    } | {(404, "unknown-route"), (405, "method-not-allowed")}


def test_every_parameter_that_the_api_page_uses_exists() -> None:
    page = (ROOT / "docs" / "api.md").read_text()
    served = create_app(ReadDeps(read_models_url="", ledger_url=""), OwnProcess(person)).openapi()["paths"]
    used = re.findall(r"curl -s 'http://127.0.0.1:8400([^'?]+)\?([^']+)'", page)
    assert len(used) >= 3
    for path, query in used:
        parameters = served[path.replace("CAMPAIGN", "{campaign_id}")]["get"]["parameters"]
        assert {pair.split("=")[0] for pair in query.split("&")} <= {parameter["name"] for parameter in parameters}


def test_every_test_that_a_page_names_is_there() -> None:
    written = {
        name
        for path in (ROOT / "tests").rglob("test_*.py")
        for name in re.findall(r"def (test_\w+)", path.read_text())
    }
    named = {name for page in PAGES for name in re.findall(r"`(test_\w+)`", page.read_text())}
    assert named - written == set()


def test_every_file_that_a_decision_names_is_there() -> None:
    for page in (ROOT / "docs" / "decisions").glob("*.md"):
        for name in re.findall(r"`((?:src|tests|docs|benchmarks|tools|streams)/[\w./-]+)`", page.read_text()):
            assert (ROOT / name).exists(), f"{page.name}: {name}"
