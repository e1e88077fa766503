"""Where the data plane takes providers' answers: the addresses it serves, under the names the cloud gives them."""

import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from fujie_emulator.core.cloud import Cloud

_ID = re.compile(r"[A-Za-z0-9-]{1,64}")


def is_callback_url(cloud: "Cloud", url: str) -> bool:
    """Tell whether the data plane answers at `url`: on this cloud's own address, or by its public name.

    Byte for byte; a parser would forgive spaces and line breaks.
    """
    for origin in (cloud.base_url, f"https://agentidentitydata.{cloud.region}.aliyuncs.com"):
        prefix = f"{origin}/oauth2/callback/"
        if url.startswith(prefix) and _ID.fullmatch(url[len(prefix) :]):
            return True
    return False


def callback_id(url: str) -> str:
    """Return the last segment of a CallbackURL, which tells providers apart."""
    return url.rpartition("/")[2]
