"""What the READMEs tell people to write is an agent, with data for its provider."""

import json
import re
from pathlib import Path
from textwrap import dedent

import pytest

from fujie.agents.loading import agent_from_file
from fujie_emulator.testing import running

ROOT = Path(__file__).parents[2]


def blocks(path, language):
    text = (ROOT / path).read_text()
    return [dedent(block) for block in re.findall(rf"^ *```{language}\n(.*?)^ *```$", text, re.MULTILINE | re.DOTALL)]


@pytest.mark.parametrize("page", ["README.md", "README.zh.md"])
def test_the_snippet_of_the_front_page_is_an_agent_and_the_example_shows_data_for_it(tmp_path, page):
    snippet = next(block for block in blocks(page, "python") if "AgentApp" in block)
    file = tmp_path / "agent.py"
    file.write_text(snippet)
    (tool,) = agent_from_file(file).tools
    (data,) = blocks("examples/weather/README.md", "json")
    assert f"{tool.credential.provider}.json" in (ROOT / "examples/weather/README.md").read_text()
    (resource,) = json.loads(data)["resources"].values()
    assert resource["scope"] in tool.credential.scopes
    assert resource["data"][0].keys() >= {*tool.parameters["required"]}


def test_the_pages_that_the_readmes_point_at_are_there():
    for page in ("README.md", "README.zh.md", "examples/weather/README.md", "docs/architecture.md"):
        links = re.findall(r"\]\((?!https?:|#)([^)#]+)\)", (ROOT / page).read_text())
        assert links
        assert [link for link in links if not (ROOT / page).parent.joinpath(link).exists()] == []


@pytest.mark.parametrize("page", ["README.md", "README.zh.md"])
def test_an_official_client_reaches_the_emulated_cloud_as_written(tmp_path, page, monkeypatch, capsys):
    snippet = next(block for block in blocks(page, "python") if "cloud.json" in block)
    with running(tmp_path / "cloud") as cloud:
        names = ("url", "region", "access_key_id", "access_key_secret")
        (tmp_path / "cloud.json").write_text(json.dumps({name: getattr(cloud, name) for name in names}))
        monkeypatch.chdir(tmp_path)
        exec(compile(snippet, page, "exec"), {})
    assert capsys.readouterr().out == f"acs:ram::{cloud.account_id}:root\n"
