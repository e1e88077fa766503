"""COVERAGE.md says what the code does, and names every operation that an official client has."""

import importlib
import inspect
import pkgutil
import re
from pathlib import Path

import pytest

from fujie_emulator import coverage
from fujie_emulator.core.services import load_services

PAGE = Path(coverage.__file__).parents[1] / "COVERAGE.md"
SERVICES = {service.name: service for service in load_services()}
WITH_CLIENT = sorted(name for name in SERVICES if coverage.declared(name).client)


def test_the_page_is_what_the_code_says():
    assert PAGE.read_text() == coverage.coverage_page(), (
        "run `.venv/bin/python -m fujie_emulator coverage > emulator/COVERAGE.md`"
    )


@pytest.mark.parametrize("name", WITH_CLIENT)
def test_every_operation_of_the_official_client_is_done_or_refused_by_name(name):
    service = SERVICES[name]
    known = coverage.done(service) | coverage.refusals(service).keys()
    offered = operations_of(coverage.declared(name).client)
    assert len(offered) >= 4
    assert offered - known == set()


@pytest.mark.parametrize("name", SERVICES)
def test_nothing_is_both_done_and_refused(name):
    assert coverage.done(SERVICES[name]) & coverage.refusals(SERVICES[name]).keys() == set()


@pytest.mark.parametrize("name", SERVICES)
def test_every_note_is_about_an_operation_that_exists(name):
    known = coverage.done(SERVICES[name]) | coverage.refusals(SERVICES[name]).keys()
    assert set(coverage.declared(name).notes) - known == set()


def operations_of(package):
    """Read the operations out of an official client: their names stand in its source as literals."""
    module = importlib.import_module(package)
    if package == "alibabacloud_oss_v2":
        parts = importlib.import_module(f"{package}.operations")
        modules = [
            importlib.import_module(f"{parts.__name__}.{each.name}") for each in pkgutil.iter_modules(parts.__path__)
        ]
        found = r"op_name='(\w+)'"
    else:
        modules, found = [importlib.import_module(f"{module.__name__}.client")], r"action ?= ?'(\w+)'"
    return {name for each in modules for name in re.findall(found, inspect.getsource(each))}
