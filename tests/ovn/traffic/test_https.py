"""HTTPS listeners: TLS passes through to the members, who have the keys."""

import hashlib
import ssl

import pytest
import servers
import trustme


@pytest.mark.parametrize("version", [4, 6])
def test_clients_see_the_members_own_certificates(lab, balancer, serve, version):
    authority = trustme.CA()
    members = serve("a1", "a2", kind=servers.Tls, authority=authority, version=version)
    one = balancer(version=version)
    one.front("HTTPS", 443, members)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    authority.configure_trust(context)
    context.check_hostname = False
    ways = [(lab.near, one.vip), (lab.far, one.vip)]
    if version == 4:
        ways.append((lab.outside, one.float()))
    for client, address in ways:
        served = {session(context, client, address) for _ in range(20)}
        assert {name for name, _ in served} == {"a1", "a2"}, client.name
        assert len({certificate for _, certificate in served}) == 2


def session(context, client, address):
    """The server that answers inside TLS, and a digest of the certificate that it has shown."""
    plain = client.socket(address)
    plain.settimeout(20)
    plain.connect((address, 443))
    with context.wrap_socket(plain) as secured:
        certificate = secured.getpeercert(binary_form=True)
        [name] = [name for kind, name in secured.getpeercert()["subjectAltName"] if kind == "DNS"]
        secured.sendall(b"hello")
        answer = secured.recv(4096).decode()
    assert answer == f"{name.split('.')[0]}:hello"
    return answer.split(":")[0], hashlib.sha256(certificate).hexdigest()
