"""The page's own modules, run by node; and what its files may cost and contain."""

import gzip
import os
import re
import shutil
import subprocess
from pathlib import Path

import pytest

STATIC = Path(__file__).parents[2] / "functions" / "chat" / "static"
TESTS = sorted((Path(__file__).parent / "ui").glob("*.test.mjs"))
NODE = shutil.which("node")
BUDGET = 60 * 1024


@pytest.mark.skipif(NODE is None and not os.environ.get("FUJIE_TESTS_REQUIRE_ALL"), reason="node is missing")
@pytest.mark.parametrize("path", TESTS, ids=lambda path: path.name)
def test_the_modules_hold_their_words(path):
    done = subprocess.run([NODE, "--test", path], capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


def test_the_whole_page_stays_under_its_budget():
    sent = [path for path in STATIC.rglob("*") if path.suffix in {".html", ".js", ".css", ".svg"}]
    assert sum(len(gzip.compress(path.read_bytes())) for path in sent) < BUDGET


def test_no_file_refers_to_another_origin():
    own = [path for path in STATIC.rglob("*") if path.suffix in {".html", ".css"} or path.parent.name == "js"]
    for path in own:
        found = re.findall(r"""(?:src|href|import|from|url)\W{1,3}(?:https?:)?//[^\s"'`)]+""", path.read_text())
        assert found == [], path


def test_no_page_holds_inline_script_or_style():
    for page in STATIC.glob("*.html"):
        text = page.read_text()
        assert not re.search(r"<script(?![^>]*\bsrc=)|<style|\son\w+=|\sstyle=", text), page


def test_every_vendored_module_has_its_licence_and_version():
    readme = (STATIC / "vendor" / "README.md").read_text()
    for module in (STATIC / "vendor").glob("*.js"):
        assert f"`{module.name}`" in readme
    for licence in re.findall(r"`([\w-]+\.LICENSE)`", readme):
        assert (STATIC / "vendor" / licence).stat().st_size > 500


def test_both_languages_have_the_same_strings():
    text = (STATIC / "js" / "words.js").read_text()
    names_only = re.sub(r'"(?:\\.|[^"\\])*"', '""', text.split("WORDS = {")[1].split("\n};")[0])
    english, chinese = names_only.split("\n  zh: {")
    keys = [re.findall(r"(?<=[\s{])(\w+):", part) for part in (english, chinese)]
    assert [key for key in keys[0] if key != "en"] == keys[1]
    assert len(keys[1]) > 60
