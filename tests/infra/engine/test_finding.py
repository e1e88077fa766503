"""Which engine is used, and what the built one must know."""

import importlib
import re

import pytest

from infra.engine import finding
from infra.engine.finding import RECIPE, Engine, built_engine, engine_directory, find_engine, fits
from infra.engine.mending import IDS
from tests.infra.test_program import TYPES

TABLE = re.compile(r'"(alicloud_\w+)":\s+{token: "([\w/]+):(\w+)"')
PUT_AGAIN = {
    "alicloud:fc/v3AsyncInvokeConfig:V3AsyncInvokeConfig",
    "alicloud:log/storeIndex:StoreIndex",
    "alicloud:oss/bucketObject:BucketObject",
}
"""Types of which a second creation is the same as the first."""


@pytest.mark.parametrize(
    ("version", "is_right"),
    [("v3.259.0", True), ("v3.300.1\n", True), ("v3.258.9", False), ("v4.0.0", False), ("", False), ("3.259.0", False)],
)
def test_a_pulumi_fits_from_the_version_of_our_sdk_on(version, is_right):
    assert fits(version) is is_right


@pytest.fixture
def cache(monkeypatch, tmp_path):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    return tmp_path


def own_pulumi(folder, version):
    program = folder / "pulumi"
    program.write_text(f"#!/bin/sh\necho {version}\n")
    program.chmod(0o755)
    return str(folder)


def test_without_any_there_is_none(cache):
    assert find_engine({"PATH": str(cache)}) is None


def test_a_fitting_one_on_the_path_comes_first(cache):
    path = own_pulumi(cache, "v3.260.0")
    assert find_engine({"PATH": path}) == Engine(f"{cache}/pulumi")


def test_one_that_does_not_fit_gives_way_to_the_built_one(cache):
    path = own_pulumi(cache, "v3.1.0")
    engine_directory().mkdir(parents=True)
    assert find_engine({"PATH": path}) is None
    (engine_directory() / finding.STAMP).touch()
    assert find_engine({"PATH": path}) == Engine(str(engine_directory() / "pulumi"), str(engine_directory()))


def test_an_engine_of_another_recipe_is_not_this_one(cache, monkeypatch):
    engine_directory().mkdir(parents=True)
    (engine_directory() / finding.STAMP).touch()
    assert built_engine() is not None
    monkeypatch.setattr(finding, "_recipe_hash", lambda: "another")
    assert built_engine() is None


def declared():
    return {f"alicloud:{module}:{name}" for _, module, name in TABLE.findall((RECIPE / "provider/main.go").read_text())}


def test_the_bridged_provider_knows_every_type_that_the_program_declares():
    assert {kind for kind in TYPES if kind.startswith("alicloud:")} <= declared()


@pytest.mark.parametrize("token", sorted(declared()))
def test_its_tokens_are_those_of_the_published_sdk(token):
    _, module, name = token.split(":")
    package = importlib.import_module(f"pulumi_alicloud.{module.partition('/')[0]}")
    assert hasattr(package, name)


def test_of_every_type_it_is_known_how_an_interrupted_creation_is_found_again():
    of_events = {"alicloud:message/serviceQueue:ServiceQueue"}
    assert {kind for kind in TYPES if kind.startswith("alicloud:")} | of_events == set(IDS) | PUT_AGAIN
