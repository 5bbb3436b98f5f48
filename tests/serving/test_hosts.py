"""Requests for another name are refused where no token is asked for."""

import pytest

from hardvqa_tf.serving.hosts import Hosts, is_loopback
from tests.serving.fakes import FakeServable, FakeSignature, make_service, open_client

LOCAL = ("localhost", "LOCALHOST:8501", "localhost.", "127.0.0.1:8501", "127.9.9.9", "[::1]:80")
OTHERS = ("evil.example", "evil.example:8501", "localhost.evil.example", "xlocalhost", "")
ADDRESSES = ("192.168.1.5:8501", "[fe80::1]:8501", "8.8.8.8")


def known(hosts, *names):
    return [name for name in names if hosts.know(name.encode())]


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost", "::1"])
def test_what_only_this_machine_reaches_is_asked_by_its_names(host):
    assert known(Hosts(host), *LOCAL, "page.localhost") == [*LOCAL, "page.localhost"]
    assert known(Hosts(host), *OTHERS, *ADDRESSES) == []


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "192.168.1.5", "vqa.example"])
def test_what_others_reach_is_asked_by_its_addresses_too(host):
    assert known(Hosts(host), *LOCAL, *ADDRESSES) == [*LOCAL, *ADDRESSES]
    assert known(Hosts(host), *OTHERS) == []
    assert known(Hosts("vqa.example"), "VQA.example:80") == ["VQA.example:80"]


def test_more_names():
    hosts = Hosts("127.0.0.1", ["Vqa.Example", "[fe80::1]"])
    assert known(hosts, "vqa.example:443", "[fe80::1]:443", *OTHERS) == [
        "vqa.example:443",
        "[fe80::1]:443",
    ]
    assert known(Hosts("127.0.0.1", ["*"]), *OTHERS) == [*OTHERS]


def test_loopback():
    assert is_loopback("127.0.0.1") and is_loopback("::1") and is_loopback("localhost")
    assert not is_loopback("0.0.0.0") and not is_loopback("example.org")


def test_a_request_for_another_name_is_refused_on_every_path():
    service = make_service(FakeServable(FakeSignature()), hosts=Hosts("127.0.0.1"))
    with open_client(service) as client:
        for path in ("/", "/v1/models", "/metrics", "/healthz", "/v1/models/fake:predict"):
            response = client.get(path, headers={"host": "evil.example:8501"})
            assert response.status_code == 403
            assert "'evil.example:8501'. Ask it by its address" in response.json()["error"]
            twice = [("host", "localhost"), ("host", "evil.example")]
            assert client.get(path, headers=twice).status_code == 403
            assert client.get(path, headers={"host": "localhost"}).status_code in (200, 405)
