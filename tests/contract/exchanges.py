"""The exchanges that the pages under docs/protocols show: a test answers each again and compares."""

import json
import re
from pathlib import Path

PAGES = Path(__file__).parents[2] / "docs" / "protocols"
_UUID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")
_TIME = re.compile(r'("(?:created|created_at|completed_at|started_at)": ?)\d[\d.]*')


def documented(page, name):
    """Return the text of the block that stands under `<!-- exchange: name -->` on a page, without ids and times."""
    text = (PAGES / page).read_text()
    return neutral(text.split(f"<!-- exchange: {name} -->\n")[1].split("```")[1].split("\n", 1)[1])


def neutral(text):
    """Return the text with every uuid and time made one."""
    return _TIME.sub(r"\g<1>0", _UUID.sub("uuid", text)).strip()


def on_several_lines(body):
    """Return JSON as a page shows it."""
    return json.dumps(json.loads(body), indent=2, ensure_ascii=False)
