"""A certificate of our own for `serve --tls`: made on first use, kept in the home directory."""

from __future__ import annotations

import ipaddress
import os
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

LIFETIME = timedelta(days=825)
RENEW_BEFORE = timedelta(days=30)


@dataclass(frozen=True, slots=True)
class Certificate:
    """Where certificate and key are, and by what to recognise the certificate."""

    certificate: Path
    key: Path
    fingerprint: str
    """SHA-256 of the certificate, as browsers show it."""


def ensure(directory: Path, names: Iterable[str]) -> Certificate:
    """Return a certificate for all of `names` (host names and IP addresses).

    The one in `directory` is used again unless it expires within 30 days or lacks one of the names.
    """
    wanted = {"localhost", "127.0.0.1", "::1", *names}
    directory.mkdir(parents=True, exist_ok=True, mode=0o700)
    certificate, key = directory / "certificate.pem", directory / "key.pem"
    found = _read(certificate) if key.exists() else None
    if found is None or not _is_good(found, wanted):
        found = _make(certificate, key, wanted)
    print_bytes = found.fingerprint(hashes.SHA256())
    return Certificate(certificate, key, ":".join(f"{byte:02X}" for byte in print_bytes))


def _read(path: Path) -> x509.Certificate | None:
    try:
        return x509.load_pem_x509_certificate(path.read_bytes())
    except (OSError, ValueError):
        return None


def _is_good(certificate: x509.Certificate, wanted: set[str]) -> bool:
    if certificate.not_valid_after_utc < datetime.now(UTC) + RENEW_BEFORE:
        return False
    try:
        names = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    except x509.ExtensionNotFound:
        return False
    has = set(names.get_values_for_type(x509.DNSName))
    has |= {str(address) for address in names.get_values_for_type(x509.IPAddress)}
    return wanted <= has


def _make(certificate: Path, key: Path, names: set[str]) -> x509.Certificate:
    secret = ec.generate_private_key(ec.SECP256R1())
    made = _sign(secret, names)
    _write(
        key,
        secret.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        ),
        0o600,
    )
    _write(certificate, made.public_bytes(serialization.Encoding.PEM), 0o644)
    return made


def _sign(secret: ec.EllipticCurvePrivateKey, names: set[str]) -> x509.Certificate:
    """Sign our own key: a server's certificate and nobody's authority."""
    now = datetime.now(UTC)
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "kvmweb")])
    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(subject)
        .public_key(secret.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + LIFETIME)
        .add_extension(x509.SubjectAlternativeName([_name(n) for n in sorted(names)]), False)
        .add_extension(x509.BasicConstraints(ca=False, path_length=None), True)
        .add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH]), False)
        .sign(secret, hashes.SHA256())
    )


def _name(text: str) -> x509.GeneralName:
    try:
        return x509.IPAddress(ipaddress.ip_address(text))
    except ValueError:
        return x509.DNSName(text.encode("idna").decode("ascii"))


def _write(path: Path, data: bytes, mode: int) -> None:
    """Write aside with the right mode from the first byte, then put into place."""
    draft = path.with_name(f".{path.name}.{os.getpid()}")
    descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, mode)
    with os.fdopen(descriptor, "wb") as file:
        file.write(data)
    draft.replace(path)
