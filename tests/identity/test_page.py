"""docs/identity.md says what is: each named test is there, its error tree is the code's, its samples work."""

import ast
import re
from pathlib import Path

import pytest

from fujie.identity import errors

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs" / "identity.md").read_text()
NAMED = re.compile(r"`(tests/[\w/]+\.py)::(\w+)`")
THREATS = [
    line
    for line in PAGE.partition("## Threat model")[2].splitlines()
    if line.startswith("| ") and not line.endswith("| tests |")
]


def names_in(path):
    if not path.exists():
        return set()
    nodes = ast.walk(ast.parse(path.read_text()))
    return {node.name for node in nodes if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)}


def missing(text):
    return [f"{path}::{name}" for path, name in NAMED.findall(text) if name not in names_in(ROOT / path)]


@pytest.mark.parametrize("line", THREATS, ids=[line.split("|")[1].strip()[:50] for line in THREATS])
def test_each_claim_names_tests_and_they_are_there(line):
    _, claim, named, _ = line.split("|")
    assert claim.strip()
    assert NAMED.findall(named)
    assert NAMED.sub("", named).strip(" ,") == ""
    assert missing(named) == []


def test_there_are_claims():
    assert len(THREATS) > 20


def test_a_test_that_is_not_there_is_noticed():
    named = "`tests/identity/test_page.py::test_that_nobody_wrote`, `tests/nowhere.py::test_x`"
    assert len(missing(named)) == 2


def test_the_error_tree_is_the_one_in_the_code():
    drawn = re.search(r"```text\n(.*?)```", PAGE, re.DOTALL)[1].strip()
    assert drawn == errors.__doc__.partition("\n\n")[2].strip()


def test_the_error_tree_names_every_error_at_its_place():
    drawn = {}
    for line in errors.__doc__.partition("\n\n")[2].strip().splitlines():
        name = re.search(r"[A-Z]\w+", line)
        drawn[name[0]] = name.start() // 4
    kinds = [
        kind for kind in vars(errors).values() if isinstance(kind, type) and issubclass(kind, errors.IdentityError)
    ]
    depth = {kind.__name__: len(kind.__mro__) - len(errors.IdentityError.__mro__) for kind in kinds}
    assert drawn == depth


@pytest.mark.parametrize("code", re.findall(r"```python\n(.*?)```", PAGE, re.DOTALL))
def test_its_samples_run_as_far_as_they_declare(code):
    exec(compile(code, "docs/identity.md", "exec"), {"__name__": "sample"})
