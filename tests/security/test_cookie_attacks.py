"""What a server makes our own HTTP client remember: nothing, for the client serves everybody."""

import httpx2

from fujie.http import fetch, http_client


async def test_a_partners_cookie_for_one_person_is_not_sent_for_the_next(monkeypatch):
    """Hurt: Alice, in whose session at a partner (or an agent elsewhere) Bob's request would land."""
    seen = []

    def partner(request):
        seen.append(request.headers.get("cookie"))
        return httpx2.Response(200, headers={"set-cookie": "session=alices; Domain=partner.example; Path=/"})

    http = http_client()
    http._transport = httpx2.MockTransport(partner)
    http._mounts = {}
    await fetch(http, "GET", "https://partner.example/a", max_bytes=10, deadline_s=5)
    await http.send(httpx2.Request("GET", "https://partner.example/b"), stream=True)
    await fetch(http, "GET", "https://api.partner.example/c", max_bytes=10, deadline_s=5)
    await http.send(http.build_request("POST", "https://partner.example/d"))
    assert seen == [None] * 4
    assert len(http.cookies.jar) == 0
    await http.aclose()
