"""URLs that look like a registered one and are not it."""

from urllib.parse import quote, urlsplit


def lookalikes(url):
    """Return what an attacker sends in the place of `url`: prefix, suffix, case, port, user info, encodings."""
    parts = urlsplit(url)
    origin, host, path = f"{parts.scheme}://{parts.netloc}", parts.hostname, parts.path
    first, _, last = path.rpartition("/")
    port = 1 + (parts.port or 442)
    made = [
        url + "/",
        url + "?x=1",
        url + "#x",
        url + ".evil.example",
        url + "%00",
        url + "%2e%2e",
        url + " ",
        " " + url,
        url + "\n",
        url.removeprefix(f"{parts.scheme}:"),
        parts.scheme.upper() + url.removeprefix(parts.scheme) + ";",
        url[:-1],
        f"{origin}{first.upper()}/{last}",
        f"{origin}/{path}",
        f"{origin}{first}/./{last}",
        f"{origin}{first}/x/../{last}",
        f"{origin}{first}/%2e%2e/{last}",
        f"{origin}{quote(path, safe='')}",
        f"{origin}{path.replace('/', chr(92))}",
        f"{parts.scheme}://{host}:{port}{path}",
        f"{parts.scheme}://{host}.evil.example{path}",
        f"{parts.scheme}://evil.example{path}",
        f"{parts.scheme}://{parts.netloc}@evil.example{path}",
        f"{parts.scheme}://user@{parts.netloc}{path}",
        f"{parts.scheme}://evil.example#@{parts.netloc}{path}",
        f"{parts.scheme}://evil.example\\@{parts.netloc}{path}",
        f"{parts.scheme}://evil.example/?next={quote(url, safe='')}",
        "javascript:alert(1)",
        "//" + parts.netloc + path,
    ]
    return [other for other in dict.fromkeys(made) if other != url]
