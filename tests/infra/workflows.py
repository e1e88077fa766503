"""A GitHub workflow's jobs, run here: the text of their `run:` steps, with the expressions of this event filled in."""

import re
import subprocess
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

EXAMPLE = Path(__file__).resolve().parents[2] / "docs" / "deploy.github.yml"
ALWAYS = "always()"
_EXPRESSION = re.compile(r"\$\{\{\s*([\w.]+)\s*\}\}")
_CONDITION = re.compile(r"([\w.]+) (==|!=) '([^']*)'")


@dataclass(frozen=True)
class Runner:
    """What a runner has: a checkout, an environment, and what the expressions of the event stand for."""

    checkout: Path
    environ: dict[str, str]
    known: dict[str, str]

    def run(self, job: str) -> str:
        """Run the steps of a job that this event runs; return "", or what the one printed that failed.

        After that one only those are run that always are.
        """
        read = read_workflow()
        of_job = read["jobs"][job]
        environ = self.environ | self.filled(read["env"]) | self.filled(of_job.get("env", {}))
        failed = ""
        for step in of_job["steps"]:
            condition = step.get("if", "")
            if "run" in step and self.holds(condition) and (not failed or condition == ALWAYS):
                said = self.step(step, environ | self.filled(step.get("env", {})))
                failed = failed or said
        return failed

    def step(self, step: dict[str, Any], environ: dict[str, str]) -> str:
        words = ["bash", "--noprofile", "--norc", "-e", "-c", self.fill(step["run"])]
        done = subprocess.run(words, cwd=self.checkout, env=environ, capture_output=True, text=True, check=False)
        return f"{step['run']}\n{done.stdout}{done.stderr}" if done.returncode else ""

    def holds(self, condition: str) -> bool:
        """Tell whether a step's condition holds: `always()`, or one comparison with a text."""
        if condition in ("", ALWAYS):
            return True
        name, operator, text = _CONDITION.fullmatch(condition).groups()
        return (self.known[name] == text) == (operator == "==")

    def filled(self, values: dict[str, str]) -> dict[str, str]:
        return {name: self.fill(str(value)) for name, value in values.items()}

    def fill(self, text: str) -> str:
        """Return the text with its expressions' values; one that is not known is a KeyError."""
        return _EXPRESSION.sub(lambda match: self.known[match[1]], text)


def read_workflow() -> dict[str, Any]:
    return yaml.safe_load(EXAMPLE.read_text("utf-8"))


def commands(job: str) -> list[str]:
    """Return the texts of a job's `run:` steps."""
    return [each["run"] for each in read_workflow()["jobs"][job]["steps"] if "run" in each]
