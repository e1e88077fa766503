"""New keys for a stack: the new one in front, the one before kept for as long as something it sealed can come back.

What rotates are the keys for sealing sign-ins, for internal tokens, for the agent card and for shared credentials. A
key of the ledger does not: what is sealed could not be verified by another.
"""

import re
from datetime import date
from pathlib import Path

from fujie.errors import SettingsError
from fujie.identity.delegation import KEPT_AFTER_END
from fujie.identity.signin import ABSOLUTE_TTL
from infra.stack_file import ROOT, values_from_file
from infra.stack_secrets import read_kept, rotate_pairs, write_kept

NEEDED = ABSOLUTE_TTL + KEPT_AFTER_END
"""How long after a rotation a sign-in that was sealed before it can still be opened."""
ROTATED_ON = "rotated_on"
_CONFIG = re.compile(r"^config:[ \t]*$", re.MULTILINE)


def rotate_local(file: Path, today: date, *, at_once: bool = False) -> None:
    """Put new keys in front of those of a `keys.json`. Raises SettingsError while the ones behind are needed."""
    kept = read_kept(file)
    _refuse_while_needed(str(kept.get(ROTATED_ON, "")), today, at_once=at_once)
    write_kept(file, {**rotate_pairs(file, kept), ROTATED_ON: today.isoformat()})


def rotate_stack(stack: str, today: date, *, at_once: bool = False, root: Path = ROOT) -> int:
    """Ask for the next generation of keys in `Pulumi.<stack>.yaml`, and return its number.

    Raises SettingsError while the keys of the generation before are needed, or when the file cannot be changed.
    """
    values = values_from_file(stack, root)
    _refuse_while_needed(values.get("fujie:keys_rotated_on", ""), today, at_once=at_once)
    generation = _number(values.get("fujie:key_generation", "1"), stack) + 1
    file = root / f"Pulumi.{stack}.yaml"
    text = _with(file.read_text("utf-8"), "key_generation", str(generation))
    file.write_text(_with(text, "keys_rotated_on", f'"{today.isoformat()}"'), "utf-8")
    return generation


def _refuse_while_needed(rotated_on: str, today: date, *, at_once: bool) -> None:
    """Two generations are held, since a function's environment is short: a third would push one out."""
    until = _day(rotated_on) + NEEDED if rotated_on else today
    if today < until and not at_once:
        raise SettingsError(
            f"the keys were rotated on {rotated_on}, and those before may be needed until {until}",
            repair="wait until then; with --at-once, whoever signed in before the last rotation signs in again",
        )


def _day(text: str) -> date:
    try:
        return date.fromisoformat(text)
    except ValueError:
        raise SettingsError(f"{text!r}, the day of the last rotation, is no day", repair="write 2026-01-31") from None


def _number(text: str, stack: str) -> int:
    if not re.fullmatch(r"[1-9]\d{0,8}", text):
        raise SettingsError(f"stack {stack}: key_generation is not a number", repair=f"correct Pulumi.{stack}.yaml")
    return int(text)


def _with(text: str, key: str, value: str) -> str:
    """Return the file's text with one key changed; all else, comments too, stays as it was written."""
    line = f"  fujie:{key}: {value}"
    present = re.compile(rf"^[ \t]+['\"]?fujie:{key}['\"]?:.*$", re.MULTILINE)
    changed, count = present.subn(line, text, count=1)
    if count:
        return changed
    changed, count = _CONFIG.subn(f"config:\n{line}", text, count=1)
    if not count:
        raise SettingsError("the stack's file has no line `config:`", repair=f"write {line.strip()} into it yourself")
    return changed
