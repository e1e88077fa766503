"""Custom domains by TLS: with the certificate that they were given, and refused with one that is not their own."""

import ssl

import httpx2
import pytest
from alibabacloud_fc20230330 import models
from alibabacloud_tea_openapi.exceptions import ClientException

from fujie_emulator.fc import certificates
from fujie_emulator.testing import running
from tests.agents.pushes.test_tls import certificate_for
from tests.emulator.fc.test_deployed import client_of


@pytest.fixture(scope="module")
def cloud(tmp_path_factory):
    with running(tmp_path_factory.mktemp("cloud")) as served:
        yield served


@pytest.fixture(scope="module")
def fc(cloud):
    return client_of(cloud)


@pytest.fixture(scope="module")
def halves(tmp_path_factory):
    """Return what makes a host's certificate and key, both PEM, and the file of both."""
    folder = tmp_path_factory.mktemp("certificates")

    def halves(host):
        file = certificate_for(host, folder)
        key, mark, chain = file.read_text().partition("-----BEGIN CERTIFICATE-----")
        return mark + chain, key, file

    return halves


def asked(domain, chain=None, key=None, protocol="HTTPS"):
    given = models.CertConfig(cert_name="own", certificate=chain, private_key=key) if chain else None
    routes = models.RouteConfig(routes=[models.PathConfig(path="/*", function_name="nobody")])
    body = models.CreateCustomDomainInput(domain_name=domain, protocol=protocol, route_config=routes, cert_config=given)
    return models.CreateCustomDomainRequest(body=body)


def get(cloud, domain, file):
    context = ssl.create_default_context(cafile=file)
    with httpx2.Client(verify=context, trust_env=False) as http:
        address = certificates.address(cloud.cloud)
        return http.get(f"{address}/x", headers={"host": domain}, extensions={"sni_hostname": domain})


def test_a_domain_shows_its_own_certificate_and_leads_to_its_function(fc, cloud, halves):
    for domain in ("one.example", "two.example"):
        chain, key, file = halves(domain)
        fc.create_custom_domain(asked(domain, chain, key))
        answer = get(cloud, domain, file)  # the client checks certificate and name
        assert (answer.status_code, answer.json()["Code"]) == (404, "FunctionNotFound")
        read = fc.get_custom_domain(domain).body
        assert (read.cert_config.certificate, read.cert_config.private_key) == (chain, None)
    with pytest.raises(httpx2.ConnectError):
        get(cloud, "three.example", file)


def test_a_new_certificate_is_shown_at_once(fc, cloud, halves):
    chain, key, _ = halves("new.example")
    fc.create_custom_domain(asked("new.example", chain, key))
    newer, its_key, its_file = halves("new.example")
    change = models.UpdateCustomDomainInput(
        cert_config=models.CertConfig(cert_name="own", certificate=newer, private_key=its_key)
    )
    fc.update_custom_domain("new.example", models.UpdateCustomDomainRequest(body=change))
    assert get(cloud, "new.example", its_file).status_code == 404


@pytest.mark.parametrize("wrong", ["none", "another's key", "another name", "no certificate"])
def test_a_certificate_that_is_not_the_domains_is_refused(fc, halves, wrong):
    chain, key, _ = halves("own.example")
    _, other_key, _ = halves("other.example")
    request = {
        "none": asked("own.example"),
        "another's key": asked("own.example", chain, other_key),
        "another name": asked("not.example", chain, key),
        "no certificate": asked("own.example", "text", key),
    }[wrong]
    with pytest.raises(ClientException) as refused:
        fc.create_custom_domain(request)
    assert refused.value.code == "InvalidArgument"


def test_a_wildcard_covers_one_label(fc, cloud, halves):
    chain, key, file = halves("*.agents.example")
    fc.create_custom_domain(asked("pr-1.agents.example", chain, key))
    assert get(cloud, "pr-1.agents.example", file).status_code == 404
    with pytest.raises(ClientException):
        fc.create_custom_domain(asked("a.b.agents.example", chain, key))


def test_a_domain_answers_by_tls_again_after_a_restart(tmp_path, halves):
    chain, key, file = halves("kept.example")
    with running(tmp_path) as first:
        client_of(first).create_custom_domain(asked("kept.example", chain, key))
    with running(tmp_path) as again:
        assert get(again, "kept.example", file).status_code == 404
