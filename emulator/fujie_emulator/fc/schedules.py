"""When a timer fires: six fields with the seconds first, in UTC or a named zone, or every so often (fc.md 2.1)."""

import re
from collections.abc import Callable
from datetime import UTC, datetime, timedelta, tzinfo
from typing import Any
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from fujie_emulator.fc.errors import invalid

Schedule = Callable[[datetime, datetime], datetime | None]
"""Called with a past moment and now; returns the last firing after the one and not after the other."""
_EVERY = re.compile(r"@every (\d{1,5})([hms])")
_ZONE = re.compile(r"CRON_TZ=(\S{1,64}) (.+)")
_UNITS = {"h": 3600, "m": 60, "s": 1}
_FIELDS = 6


def schedule_of(expression: Any) -> Schedule:
    """Return the schedule; raise InvalidArgument when it is none."""
    if isinstance(expression, str) and (every := _EVERY.fullmatch(expression)) and int(every[1]):
        period = timedelta(seconds=int(every[1]) * _UNITS[every[2]])
        return lambda past, now: past + (now - past) // period * period if now - past >= period else None
    return _cron(expression)


def _cron(expression: Any) -> Schedule:
    from croniter import croniter

    fields = expression if isinstance(expression, str) else ""
    zone: tzinfo = UTC
    try:
        if named := _ZONE.fullmatch(fields):
            zone, fields = ZoneInfo(named[1]), named[2]
        known = len(fields.split()) == _FIELDS and croniter.is_valid(fields, second_at_beginning=True)
    except (ValueError, ZoneInfoNotFoundError):
        known = False
    if not known:
        raise invalid("cronExpression", "six fields, seconds first, or @every 5m are right")

    def last(past: datetime, now: datetime) -> datetime | None:
        upto = (now + timedelta(seconds=1)).replace(microsecond=0).astimezone(zone)
        fired: datetime = croniter(fields, upto, second_at_beginning=True).get_prev(datetime)
        return fired if past < fired <= now else None

    return last
