"""The cloud's own public host names: what the real cloud answers there, the emulated one answers on its own port."""

from typing import TYPE_CHECKING
from urllib.parse import urlsplit

if TYPE_CHECKING:
    from fujie_emulator.core.cloud import Cloud

# https host -> path prefix here
_PREFIXES = {
    "oauth.aliyun.com": "/oauth",
    "signin.aliyun.com": "/signin",
    "oauth.alibabacloud.com": "/oauth",
    "signin.alibabacloud.com": "/signin",
}
PUBLIC_HOSTS = tuple(_PREFIXES)


def local_url(cloud: "Cloud", url: str) -> str:
    """Return where this cloud serves `url`; a URL of someone else comes back as it is.

    Published samples write `https://oauth.aliyun.com/...` into their providers. For them that is this cloud.
    """
    parts = urlsplit(url)
    prefix = _PREFIXES.get(parts.netloc) if parts.scheme == "https" else None
    if prefix is None:
        return url
    return cloud.base_url + prefix + parts.path + (f"?{parts.query}" if parts.query else "")
