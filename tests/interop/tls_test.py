"""TLS upstreams: only a certificate that a trusted authority signed for the right name is accepted."""

from __future__ import annotations

import datetime
import ipaddress
import pathlib
import tempfile
import unittest
from typing import Any

import openai
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

from harness import SidecarTest, ask, tool_error
from policies import policy
from processes import Sidecar, Simulator, eventually

NOW = datetime.datetime.now(datetime.UTC)


def name(text: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, text)])


class Authority:
    """A certificate authority that lives as long as the test."""

    def __init__(self) -> None:
        self.key = ec.generate_private_key(ec.SECP256R1())
        self.certificate = (
            self._builder("interop test authority", self.key)
            .issuer_name(name("interop test authority"))
            .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
            .sign(self.key, hashes.SHA256())
        )

    def _builder(self, subject: str, key: ec.EllipticCurvePrivateKey) -> x509.CertificateBuilder:
        return (
            x509.CertificateBuilder()
            .subject_name(name(subject))
            .public_key(key.public_key())
            .serial_number(x509.random_serial_number())
            .not_valid_before(NOW - datetime.timedelta(hours=1))
            .not_valid_after(NOW + datetime.timedelta(hours=1))
        )

    def issue(self, folder: pathlib.Path, address: str) -> tuple[str, str]:
        """Files of a certificate and key for one IP address."""
        key = ec.generate_private_key(ec.SECP256R1())
        names = x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address(address))])
        leaf = (
            self._builder(address, key)
            .issuer_name(self.certificate.subject)
            .add_extension(names, critical=False)
            .sign(self.key, hashes.SHA256())
        )
        cert_file, key_file = folder / f"{address}.crt", folder / f"{address}.key"
        cert_file.write_bytes(leaf.public_bytes(serialization.Encoding.PEM))
        key_file.write_bytes(
            key.private_bytes(
                serialization.Encoding.PEM,
                serialization.PrivateFormat.PKCS8,
                serialization.NoEncryption(),
            )
        )
        return str(cert_file), str(key_file)


class Tls(SidecarTest):
    def setUp(self) -> None:
        super().setUp()
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.folder = pathlib.Path(folder.name)
        self.authority = Authority()
        self.ca_file = self.folder / "ca.pem"
        self.trust(self.authority)

    def trust(self, authority: Authority) -> None:
        fresh = self.folder / "ca.new"
        fresh.write_bytes(authority.certificate.public_bytes(serialization.Encoding.PEM))
        fresh.rename(self.ca_file)

    def start_tls(self, address: str = "127.0.0.1", trusted: bool = True) -> None:
        """A simulator with a certificate for `address`, and a sidecar that calls it at 127.0.0.1."""
        cert, key = self.authority.issue(self.folder, address)
        upstream = Simulator("--tls-cert", cert, "--tls-key", key)
        self.addCleanup(upstream.stop)
        document: dict[str, Any] = policy(upstream.url)
        if trusted:
            for entry in document["upstreams"]:
                entry["caFile"] = str(self.ca_file)
        self.sidecar = Sidecar(document)
        self.addCleanup(self._close, self.sidecar)

    async def test_a_trusted_upstream(self) -> None:
        self.start_tls()
        for number in range(5):
            ask(self.openai(), f"hi {number}")
        chunks = list(ask(self.openai(), "[[words 60]]", stream=True))
        self.assertEqual(chunks[-1].choices[0].finish_reason, "stop")
        async with self.mcp() as client:
            self.assertFalse((await client.call_tool("search", {"query": "1"})).is_error)

    def assert_refused(self) -> None:
        with self.assertRaises(openai.APIStatusError) as raised:
            ask(self.openai(), "hi")
        self.assertEqual((raised.exception.status_code, raised.exception.code), (502, "connect"))

    async def test_an_unknown_authority(self) -> None:
        self.start_tls(trusted=False)
        self.assert_refused()
        # The handshake of the MCP client is no tool call: it gets a protocol error, not a result.
        with self.assertRaises(Exception):  # noqa: B017
            async with self.mcp() as client:
                tool_error(await client.call_tool("search", {"query": "1"}))

    def test_a_rotated_authority_is_trusted_without_a_restart(self) -> None:
        self.trust(Authority())
        self.start_tls()
        self.assert_refused()
        self.trust(self.authority)

        def answered() -> bool:
            try:
                ask(self.openai(), "hi")
            except openai.APIStatusError:
                return False
            return True

        eventually(answered, "the new authority is trusted")
        self.trust(Authority())

        def refused() -> bool:
            return not answered()

        eventually(refused, "an authority that was taken away is not trusted any more")

    def test_another_name(self) -> None:
        self.start_tls(address="127.0.0.2")
        self.assert_refused()


if __name__ == "__main__":
    unittest.main()
