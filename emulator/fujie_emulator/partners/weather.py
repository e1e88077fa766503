"""The weather partner's data: the same city has the same weather all day, and another one the next."""

import hashlib
from datetime import datetime
from typing import Any

from fujie_emulator.partners.errors import PartnerError

_CONDITIONS = (
    ("Sunny", "晴"),
    ("Partly cloudy", "多云"),
    ("Overcast", "阴"),
    ("Light rain", "小雨"),
    ("Showers", "阵雨"),
    ("Foggy", "雾"),
)
_NAMES = (
    ("Hangzhou", "杭州"),
    ("Beijing", "北京"),
    ("Shanghai", "上海"),
    ("Shenzhen", "深圳"),
    ("Guangzhou", "广州"),
    ("Chengdu", "成都"),
    ("Nanjing", "南京"),
    ("Wuhan", "武汉"),
    ("Suzhou", "苏州"),
    ("Hong Kong", "香港"),
)
_LONGEST_CITY = 64


def current_weather(city: str, moment: datetime) -> dict[str, Any]:
    """Return the present weather of a city; raise PartnerError 400 when there is no name."""
    city = city.strip()
    if not city or len(city) > _LONGEST_CITY:
        raise PartnerError(400, "invalid_city", f"city must have 1 to {_LONGEST_CITY} characters.")
    english, chinese = _both_names(city)
    seed = hashlib.sha256(f"{english.lower()}/{moment:%Y-%m-%d}".encode()).digest()
    conditions, conditions_zh = _CONDITIONS[seed[0] % len(_CONDITIONS)]
    return {
        "city": english,
        "city_zh": chinese,
        "temperature_c": 4 + seed[1] % 28,
        "conditions": conditions,
        "conditions_zh": conditions_zh,
        "humidity_percent": 30 + seed[2] % 60,
        "wind_kmh": 2 + seed[3] % 30,
        "observed_at": moment.isoformat(timespec="seconds"),
    }


def _both_names(city: str) -> tuple[str, str]:
    known = city.casefold().removesuffix("市")
    return next((pair for pair in _NAMES if known in {pair[0].casefold(), pair[1]}), (city, city))
