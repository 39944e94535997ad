"""Keys and certificates of a federation: one small authority, the SuperLink's server certificate, and an EC P-384 key for each node.

Everything is idempotent: what is there and good is kept, what is about to expire or lacks a host is renewed, private keys have mode 0600.

Exceptions::

    PkiError        a file is damaged or does not fit the others; the message names the file and what to do
"""

from __future__ import annotations

import contextlib
import dataclasses
import datetime
import fcntl
import ipaddress
import os
import re
from collections.abc import Iterator, Sequence
from pathlib import Path

from cryptography import x509
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from detectors.files import write_durably

LOOPBACK = ("localhost", "127.0.0.1", "::1")
AUTHORITY_DAYS, SERVER_DAYS, AGENT_DAYS, PEER_DAYS = 3650, 365, 30, 7
PEER_USAGES = (ExtendedKeyUsageOID.SERVER_AUTH, ExtendedKeyUsageOID.CLIENT_AUTH)
AGENT_USAGES = (ExtendedKeyUsageOID.CLIENT_AUTH,)
RENEW_BEFORE = datetime.timedelta(days=30)
BACKDATED = datetime.timedelta(hours=1)  # so that a site whose clock is a little behind still believes a new certificate
PublicKey = ec.EllipticCurvePublicKey | Ed25519PublicKey


class PkiError(Exception):
    """A key or certificate on disk cannot be used."""


@dataclasses.dataclass(frozen=True, slots=True)
class Authority:
    """Where the files are: the authority's certificate (given to agents), the server's certificate and private key (kept by the SuperLink)."""

    ca: Path
    certificate: Path
    key: Path

    @property
    def ca_pem(self) -> str:
        """The authority's certificate as text, the form sent to agents at enrolment."""
        return self.ca.read_text()


@dataclasses.dataclass(frozen=True, slots=True)
class Issued:
    """A certificate that was just signed (PEM), its serial number (hexadecimal), when it ends, and the authority's own certificate (PEM)."""

    pem: str
    serial: str
    not_after: datetime.datetime
    authority: str


def ensure_authority(folder: Path, hosts: Sequence[str] = (), now: datetime.datetime | None = None) -> Authority:
    """Make or renew `ca.crt`, `ca.key`, `server.crt` and `server.key` in `folder`; the server answers for loopback and for `hosts` (names or addresses).

    A renewed authority keeps its key, so that agents that hold the old certificate still believe the server. Raises PkiError for a damaged file.
    """
    now, folder = now or datetime.datetime.now(datetime.UTC), Path(folder)
    ca, ca_key = _signer(folder, now)
    key = _load_or_make(folder / "server.key")
    wanted = _alternative_names([*LOOPBACK, *hosts])
    certificate = folder / "server.crt"
    if not _serves(certificate, key, ca_key, wanted, now):
        write_durably(certificate, _pem(_sign_server(key.public_key(), ca, ca_key, wanted, now)), mode=0o644)
    return Authority(folder / "ca.crt", certificate, folder / "server.key")


def ensure_peer(folder: Path, name: str, now: datetime.datetime | None = None) -> Authority:
    """Make or renew an agent's key and certificate, `peers/<name>.key` and `.crt` in `folder`, with which agents of one site meet over mutual TLS.

    The certificate names the agent (DNS name `name`) and serves both ends of a connection. Raises PkiError for a damaged file or a name that is no host's.
    """
    _check_peer(name)
    now, folder = now or datetime.datetime.now(datetime.UTC), Path(folder)
    ca, ca_key = _signer(folder, now)
    (folder / "peers").mkdir(exist_ok=True)
    key, wanted = _load_or_make(folder / "peers" / f"{name}.key"), x509.SubjectAlternativeName([x509.DNSName(name)])
    certificate = folder / "peers" / f"{name}.crt"
    if not _serves(certificate, key, ca_key, wanted, now):
        write_durably(certificate, _pem(_sign_server(key.public_key(), ca, ca_key, wanted, now, name, PEER_USAGES)), mode=0o644)
    return Authority(folder / "ca.crt", certificate, folder / "peers" / f"{name}.key")


def sign_peer(folder: Path, name: str, public_pem: str, now: datetime.datetime | None = None) -> tuple[str, str]:
    """A certificate of seven days (PEM) for the key that the agent `name` made itself, by the authority in `folder`, and that authority's own (PEM).

    The private key never leaves the agent. Raises PkiError for a key that is no EC P-384 one, for a name that is no host's, or for a damaged authority.
    """
    try:
        key = serialization.load_pem_public_key(public_pem.encode())
    except (ValueError, UnicodeError, UnsupportedAlgorithm) as error:
        raise PkiError(f"not a public key in PEM: {error}") from error
    if not isinstance(key, ec.EllipticCurvePublicKey) or not isinstance(key.curve, ec.SECP384R1):
        raise PkiError("a peer's key must be EC P-384")
    issued = _issue(folder, name, key, PEER_USAGES, PEER_DAYS, now)
    return issued.pem, issued.authority


def sign_agent(folder: Path, name: str, key: Ed25519PublicKey, days: int = AGENT_DAYS, now: datetime.datetime | None = None) -> Issued:
    """A certificate of `days` days for the Ed25519 key with which the agent `name` signs its calls, by the authority in `folder` (client use only).

    Raises PkiError for a name that is no host's or a damaged authority. Whose key it is, `csr.read` has checked.
    """
    return _issue(folder, name, key, AGENT_USAGES, days, now)


def load_or_make_peer_key(path: Path) -> str:
    """The key with which an agent meets its neighbours (EC P-384, PEM, mode 0600), made when there is none; returns the public half as PEM."""
    key = _load_or_make(Path(path))
    return key.public_key().public_bytes(serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo).decode()


def make_node_key(path: Path) -> str:
    """Read or make a node's private key (EC P-384, OpenSSH form, mode 0600) and return its public half as OpenSSH text (`ecdsa-sha2-nistp384 AAAA...`).

    Raises PkiError when the file holds something else: remove it and enrol the agent again.
    """
    path = Path(path)
    key = _read_node_key(path) if path.exists() else _make_node_key(path)
    return key.public_key().public_bytes(serialization.Encoding.OpenSSH, serialization.PublicFormat.OpenSSH).decode()


def check_node_public_key(text: str) -> bytes:
    """The PEM bytes to register for a node's public key given as OpenSSH text. Raises PkiError unless it is an EC P-384 key."""
    try:
        key = serialization.load_ssh_public_key(text.encode())
    except (ValueError, UnicodeError, serialization.ssh.UnsupportedAlgorithm) as error:
        raise PkiError(f"not an OpenSSH public key: {error}") from error
    if not isinstance(key, ec.EllipticCurvePublicKey) or not isinstance(key.curve, ec.SECP384R1):
        raise PkiError("a node key must be EC P-384 (ecdsa-sha2-nistp384)")
    return key.public_bytes(serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo)


def _make_node_key(path: Path) -> ec.EllipticCurvePrivateKey:
    key = ec.generate_private_key(ec.SECP384R1())
    path.parent.mkdir(parents=True, exist_ok=True)
    write_durably(path, key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.OpenSSH, serialization.NoEncryption()), mode=0o600)
    return key


def _read_node_key(path: Path) -> ec.EllipticCurvePrivateKey:
    try:
        key = serialization.load_ssh_private_key(path.read_bytes(), None)
    except (ValueError, TypeError) as error:
        raise PkiError(f"{path} is no private key in OpenSSH form ({error}): remove it and enrol the agent again") from error
    return _checked_curve(key, path)


def _load_or_make(path: Path) -> ec.EllipticCurvePrivateKey:
    if not path.exists():
        key = ec.generate_private_key(ec.SECP384R1())
        write_durably(path, key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()), mode=0o600)
        return key
    try:
        key = serialization.load_pem_private_key(path.read_bytes(), None)
    except (ValueError, TypeError) as error:
        raise PkiError(f"{path} is damaged ({error}): restore it from the backup, or remove the whole folder and enrol every agent again") from error
    return _checked_curve(key, path)


def _checked_curve(key: object, path: Path) -> ec.EllipticCurvePrivateKey:
    if not isinstance(key, ec.EllipticCurvePrivateKey) or not isinstance(key.curve, ec.SECP384R1):
        raise PkiError(f"{path} is not an EC P-384 key")
    path.chmod(0o600)
    return key


def _renewed_authority(path: Path, key: ec.EllipticCurvePrivateKey, now: datetime.datetime) -> x509.Certificate:
    found = _read_certificate(path)
    if found is not None and found.public_key() != key.public_key():
        raise PkiError(f"{path} does not belong to {path.with_suffix('.key')}: restore both from the same backup")
    if found is not None and found.not_valid_after_utc - RENEW_BEFORE > now:
        return found
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "Specola federation")])
    usage = x509.KeyUsage(True, False, False, False, False, True, True, False, False)
    builder = _builder(name, name, key.public_key(), key, now, AUTHORITY_DAYS).add_extension(usage, critical=True)
    made = builder.add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True).sign(key, hashes.SHA384())
    write_durably(path, _pem(made), mode=0o644)
    return made


def _signer(folder: Path, now: datetime.datetime) -> tuple[x509.Certificate, ec.EllipticCurvePrivateKey]:
    """The authority of a folder, made when there is none; SuperLink and portal may both be the first to ask."""
    folder.mkdir(parents=True, exist_ok=True)
    with _alone_in(folder):
        key = _load_or_make(folder / "ca.key")
        return _renewed_authority(folder / "ca.crt", key, now), key


@contextlib.contextmanager
def _alone_in(folder: Path) -> Iterator[None]:
    handle = os.open(folder, os.O_RDONLY)
    try:
        fcntl.flock(handle, fcntl.LOCK_EX)
        yield
    finally:
        os.close(handle)


def _issue(folder: Path, name: str, key: PublicKey, usages: Sequence[x509.ObjectIdentifier], days: int, now: datetime.datetime | None) -> Issued:
    """A certificate for the key that an agent made itself."""
    _check_peer(name)
    now = now or datetime.datetime.now(datetime.UTC)
    ca, ca_key = _signer(Path(folder), now)
    made = _sign_server(key, ca, ca_key, x509.SubjectAlternativeName([x509.DNSName(name)]), now, name, usages, days)
    return Issued(_pem(made).decode(), f"{made.serial_number:x}", made.not_valid_after_utc, _pem(ca).decode())


def _check_peer(name: str) -> None:
    if not re.fullmatch(r"[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?", name):
        raise PkiError(f"{name!r} is no name for a certificate: small letters, digits and hyphens, at most 63")


def _sign_server(
    key: PublicKey,
    ca: x509.Certificate,
    ca_key: ec.EllipticCurvePrivateKey,
    names: x509.SubjectAlternativeName,
    now: datetime.datetime,
    common_name: str = "Specola SuperLink",
    usages: Sequence[x509.ObjectIdentifier] = (ExtendedKeyUsageOID.SERVER_AUTH,),
    days: int = SERVER_DAYS,
) -> x509.Certificate:
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, common_name)])
    builder = _builder(subject, ca.subject, key, ca_key, now, days).add_extension(names, critical=False)
    builder = builder.add_extension(x509.ExtendedKeyUsage(usages), critical=False)
    return builder.add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True).sign(ca_key, hashes.SHA384())


def _builder(
    subject: x509.Name, issuer: x509.Name, key: PublicKey, issuer_key: ec.EllipticCurvePrivateKey, now: datetime.datetime, days: int
) -> x509.CertificateBuilder:
    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer)
        .public_key(key)
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - BACKDATED)
        .not_valid_after(now + datetime.timedelta(days=days))
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key), critical=False)
        .add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(issuer_key.public_key()), critical=False)
    )


def _serves(
    path: Path, key: ec.EllipticCurvePrivateKey, ca_key: ec.EllipticCurvePrivateKey, wanted: x509.SubjectAlternativeName, now: datetime.datetime
) -> bool:
    """Whether the certificate at `path` is this key's, signed by this authority, names every wanted host and stays good for a while."""
    found = _read_certificate(path)
    if found is None or found.public_key() != key.public_key() or not found.not_valid_before_utc <= now < found.not_valid_after_utc - RENEW_BEFORE:
        return False
    issuer = x509.AuthorityKeyIdentifier.from_issuer_public_key(ca_key.public_key())
    if found.extensions.get_extension_for_class(x509.AuthorityKeyIdentifier).value != issuer:
        return False
    return set(wanted) <= set(found.extensions.get_extension_for_class(x509.SubjectAlternativeName).value)


def _alternative_names(hosts: Sequence[str]) -> x509.SubjectAlternativeName:
    return x509.SubjectAlternativeName([_alternative_name(host) for host in dict.fromkeys(hosts)])


def _alternative_name(host: str) -> x509.GeneralName:
    try:
        return x509.IPAddress(ipaddress.ip_address(host))
    except ValueError:
        return x509.DNSName(host)


def _read_certificate(path: Path) -> x509.Certificate | None:
    try:
        return x509.load_pem_x509_certificate(path.read_bytes())
    except (FileNotFoundError, ValueError):
        return None  # a missing or damaged certificate is simply made again: its key is what counts


def _pem(certificate: x509.Certificate) -> bytes:
    return certificate.public_bytes(serialization.Encoding.PEM)
