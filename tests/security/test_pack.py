"""The attack pack itself: each test says who is hurt where it does not hold."""

import ast
from pathlib import Path

import pytest

FILES = sorted(Path(__file__).parent.glob("test_*.py"))


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.stem)
def test_each_attack_says_who_is_hurt(file):
    """Hurt: whoever has to judge, years later, whether a test may go."""
    nodes = ast.walk(ast.parse(file.read_text()))
    tests = [node for node in nodes if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)]
    tests = [test for test in tests if test.name.startswith("test_")]
    assert tests
    assert [test.name for test in tests if not (ast.get_docstring(test) or "").startswith("Hurt: ")] == []
