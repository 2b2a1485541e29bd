"""Every kind of problem has a page of its own, and every page a kind."""

import re
from pathlib import Path

import pytest

from drumbeat.web.problems import type_uri
from support.problem_pages import example, kinds

PAGES = Path(__file__).parents[2] / "docs" / "problems"
KINDS = kinds()


def test_every_problem_has_a_page_and_every_page_a_problem() -> None:
    assert {page.stem for page in PAGES.glob("*.md")} - {"README"} == KINDS.keys()


def test_the_index_lists_every_problem_with_its_status_and_title() -> None:
    rows = re.findall(
        r"^\| (\d+) \| \[([^]]+)\]\(([^)]+)\.md\) \| (.*) \|$", (PAGES / "README.md").read_text(), re.MULTILINE
    )
    assert {(int(status), code, link, title) for status, code, link, title in rows} == {
        (kind.status, code, code, kind.title) for code, kind in KINDS.items()
    }


@pytest.mark.parametrize("code", KINDS)
def test_a_page_says_what_it_means_why_and_what_to_do_and_shows_the_document(code: str) -> None:
    page = (PAGES / f"{code}.md").read_text()
    assert page.startswith(f"# {code}\n\n`{type_uri(code)}`, status {KINDS[code].status}.\n")
    for heading in ("What it means", "Why", "What to do"):
        assert re.search(rf"^\*\*{heading}\.\*\* \S.{{10}}", page, re.MULTILINE), heading
    assert f"```json\n{example(KINDS[code])}\n```" in page
