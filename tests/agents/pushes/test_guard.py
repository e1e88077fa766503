"""Which addresses are called: none that would let somebody reach into our own network."""

import asyncio

import pytest

from fujie.agents.pushes.guard import RESOLVE_S, Target, check_config, resolved, target_of
from fujie.protocols.a2a.errors import PushRefusedError
from fujie.protocols.a2a.push_config import PushConfig
from fujie.secret import Secret

PUBLIC = "198.41.0.4"


def answering(*addresses):
    async def resolve(host, port):
        return addresses

    return resolve


def config(url="https://hooks.example/x", **fields):
    values = {"id": "p", "token": "", "scheme": "", "credentials": "", "version": "1.0"} | fields
    hidden = {key: Secret(values.pop(key)) for key in ("token", "credentials")}
    return PushConfig(url=url, **values, **hidden)


async def test_the_connection_goes_to_the_address_that_was_checked():
    found = await target_of("https://hooks.example/x?y=1", local=False, resolve=answering(PUBLIC))
    assert found == Target("hooks.example", 443, f"https://{PUBLIC}:443/x?y=1")
    six = await target_of("https://hooks.example:8443", local=False, resolve=answering("2606:4700::1"))
    assert six == Target("hooks.example", 8443, "https://[2606:4700::1]:8443/")


@pytest.mark.parametrize(
    "address",
    [
        "127.0.0.1", "0.0.0.0", "10.1.2.3", "172.16.0.1", "192.168.1.1", "169.254.169.254", "100.100.100.200",
        "100.64.0.1", "192.0.2.1", "224.0.0.1", "240.0.0.1", "255.255.255.255", "::1", "::", "fe80::1", "fc00::1",
        "fec0::1",
        "ff02::1", "::ffff:10.0.0.1", "::ffff:169.254.169.254", "64:ff9b::a00:1", "2002:a00:1::", "2001:db8::1",
    ],
)  # fmt: skip
async def test_no_address_of_a_network_of_ours_is_called_whatever_it_is_written_like(address):
    with pytest.raises(PushRefusedError):
        await target_of("https://hooks.example/", local=False, resolve=answering(address))


async def test_one_private_address_among_public_ones_refuses_them_all():
    with pytest.raises(PushRefusedError):
        await target_of("https://hooks.example/", local=False, resolve=answering(PUBLIC, "10.0.0.1"))


@pytest.mark.parametrize(
    "url",
    [
        "", "hooks.example", "http://hooks.example/", "ftp://hooks.example/", "https://", "https:///x", "https://h:x/",
        "https://user@hooks.example/", "https://u:p@hooks.example/", "https://hooks.example/\r\nx: y", "https://h/ü",
        "https://[::1", "https://fe80::1%25eth0/", "https://h/" + "x" * 2048, "file:///etc/passwd", "https://h:99999/",
    ],
)  # fmt: skip
async def test_what_is_no_plain_https_address_is_refused(url):
    with pytest.raises(PushRefusedError):
        await target_of(url, local=False, resolve=answering(PUBLIC))
    with pytest.raises(PushRefusedError):
        check_config(config(url), local=False)


@pytest.mark.parametrize("url", ["https://127.0.0.1/", "https://2130706433/", "https://0x7f.1/", "https://localhost/"])
async def test_this_machine_is_called_by_no_name_unless_it_is_where_we_are_developed(url):
    with pytest.raises(PushRefusedError):
        await target_of(url, local=False, resolve=resolved)


@pytest.mark.parametrize(("url", "is_taken"), [
    ("http://127.0.0.1:8080/x", True), ("http://localhost:8080/x", True), ("http://hooks.example/", False)
])  # fmt: skip
async def test_where_we_are_developed_this_machine_is_called_in_the_clear_and_no_other(url, is_taken):
    if is_taken:
        assert (await target_of(url, local=True, resolve=answering("127.0.0.1"))).url.startswith(
            "http://127.0.0.1:8080"
        )
    else:
        with pytest.raises(PushRefusedError):
            await target_of(url, local=True, resolve=answering("127.0.0.1"))
    with pytest.raises(PushRefusedError):
        await target_of("https://hooks.example/", local=True, resolve=answering("10.0.0.1"))


async def test_a_name_without_an_address_is_refused():
    async def nowhere(host, port):
        raise OSError("no such host")

    for resolve in (nowhere, answering()):
        with pytest.raises(PushRefusedError):
            await target_of("https://hooks.example/", local=False, resolve=resolve)


async def test_a_name_server_that_says_nothing_is_not_waited_for(monkeypatch):
    monkeypatch.setattr("fujie.agents.pushes.guard.RESOLVE_S", 0.01)
    assert RESOLVE_S <= 10

    async def silent(host, port):
        await asyncio.Event().wait()

    with pytest.raises(PushRefusedError):
        await target_of("https://hooks.example/", local=False, resolve=silent)


@pytest.mark.parametrize(
    "fields", [{"token": "a b"}, {"token": "a\r\nb"}, {"credentials": "ü"}, {"scheme": "Bea rer"}, {"scheme": "9"}]
)
def test_what_could_not_be_a_header_is_refused(fields):
    with pytest.raises(PushRefusedError):
        check_config(config(**fields), local=False)
    check_config(config(token="tok~!", scheme="Bearer", credentials="cred=="), local=False)
