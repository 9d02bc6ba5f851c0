"""Certificates for tests."""

import datetime
import ipaddress

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec


class Authority:
    """Certificates for one test."""

    def __init__(self, folder, name):
        self.folder, self.name = folder, name
        self.key = ec.generate_private_key(ec.SECP256R1())
        self.certificate = self._sign(name, self.key, ca=True)
        self.file = self._write(f"{name}-ca.pem", self.certificate)

    def _sign(self, name, key, ca=False):
        subject = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, name)])
        issuer = subject if ca else self.certificate.subject
        now = datetime.datetime.now(datetime.timezone.utc)
        builder = (
            x509.CertificateBuilder().subject_name(subject).issuer_name(issuer).public_key(key.public_key())
            .serial_number(x509.random_serial_number()).not_valid_before(now - datetime.timedelta(days=1))
            .not_valid_after(now + datetime.timedelta(days=1)).add_extension(x509.BasicConstraints(ca, None), True)
            .add_extension(x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address("127.0.0.1"))]), False)
        )
        return builder.sign(self.key, hashes.SHA256())

    def _write(self, name, thing, encryption=serialization.NoEncryption()):
        path = self.folder / name
        pem = serialization.Encoding.PEM
        path.write_bytes(
            thing.public_bytes(pem) if isinstance(thing, x509.Certificate)
            else thing.private_bytes(pem, serialization.PrivateFormat.PKCS8, encryption)
        )
        return str(path)

    def issue(self, name, encryption=serialization.NoEncryption()):
        """The file names of a certificate and its key."""
        key = ec.generate_private_key(ec.SECP256R1())
        return self._write(f"{name}.pem", self._sign(name, key)), self._write(f"{name}.key", key, encryption)
