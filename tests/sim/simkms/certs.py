# SPDX-License-Identifier: LGPL-2.1-or-later
"""A private CA and the certificates under DIR/tls: one good, and one for each way in which a client must say no.

The CA's private key is never written: a new set is made when the old one is missing or about to expire.
"""
import datetime
import ipaddress
import os
import ssl
import warnings

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

NAMES = ("localhost", "kms.eu-west-1.amazonaws.com")
ADDRESSES = ("127.0.0.1", "::1", "10.0.2.100")  # the last is where a QEMU guest sees a service of its host
CERTIFICATES = ("server", "wrong-name", "expired", "untrusted")
DAY = datetime.timedelta(days=1)


def _name(words):
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, words)])


def _authority(words, now):
    """A self-signed CA: (certificate, key)."""
    key = ec.generate_private_key(ec.SECP256R1())
    usage = x509.KeyUsage(False, False, False, False, False, True, True, False, False)
    builder = _builder(_name(words), _name(words), key, now - DAY, now + 30 * DAY)
    builder = builder.add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
    return builder.add_extension(usage, critical=True).sign(key, hashes.SHA256()), key


def _builder(subject, issuer, key, start, end):
    builder = x509.CertificateBuilder().subject_name(subject).issuer_name(issuer)
    builder = builder.public_key(key.public_key()).serial_number(x509.random_serial_number())
    builder = builder.not_valid_before(start).not_valid_after(end)
    return builder.add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)


def _leaf(authority, names, addresses, start, end):
    """A server certificate and its key, in one PEM text."""
    issuer, issuer_key = authority
    key = ec.generate_private_key(ec.SECP256R1())
    alternatives = [x509.DNSName(name) for name in names]
    alternatives += [x509.IPAddress(ipaddress.ip_address(address)) for address in addresses]
    builder = _builder(_name(names[0]), issuer.subject, key, start, end)
    builder = builder.add_extension(x509.SubjectAlternativeName(alternatives), critical=False)
    builder = builder.add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
    builder = builder.add_extension(
        x509.AuthorityKeyIdentifier.from_issuer_public_key(issuer_key.public_key()), critical=False
    )
    builder = builder.add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH]), critical=False)
    pem = builder.sign(issuer_key, hashes.SHA256()).public_bytes(serialization.Encoding.PEM)
    return pem + key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )


def _write(path, data, mode):
    descriptor = os.open(path + ".new", os.O_WRONLY | os.O_CREAT | os.O_TRUNC, mode)
    with os.fdopen(descriptor, "wb") as stream:
        stream.write(data)
    os.replace(path + ".new", path)


def _make(directory):
    now = datetime.datetime.utcnow()
    authority = _authority("Simulated KMS test CA", now)
    stranger = _authority("Some other CA", now)
    start, end = now - DAY, now + 29 * DAY
    if os.path.exists(f"{directory}/ca.pem"):
        os.unlink(f"{directory}/ca.pem")  # written again last of all: its presence says that the set is whole
    leaves = {
        "server": _leaf(authority, NAMES, ADDRESSES, start, end),
        "wrong-name": _leaf(authority, ("kms.example.org",), (), start, end),
        "expired": _leaf(authority, NAMES, ADDRESSES, now - 9 * DAY, now - 2 * DAY),
        "untrusted": _leaf(stranger, NAMES, ADDRESSES, start, end),
    }
    for name, pem in leaves.items():
        _write(f"{directory}/tls/{name}.pem", pem, 0o600)
    _write(f"{directory}/ca.pem", authority[0].public_bytes(serialization.Encoding.PEM), 0o644)


def _fresh(directory):
    try:
        with open(f"{directory}/tls/server.pem", "rb") as stream:
            certificate = x509.load_pem_x509_certificate(stream.read())
    except FileNotFoundError:
        return False
    whole = os.path.exists(f"{directory}/ca.pem")
    return whole and certificate.not_valid_after > datetime.datetime.utcnow() + 2 * DAY


def contexts(directory):
    """A TLS server context for each certificate, and "old-tls", which offers nothing newer than TLS 1.1."""
    os.makedirs(f"{directory}/tls", mode=0o700, exist_ok=True)
    if not _fresh(directory):
        _make(directory)
    made = {}
    for name in CERTIFICATES + ("old-tls",):
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(f"{directory}/tls/{name if name in CERTIFICATES else 'server'}.pem")
        context.set_alpn_protocols(["http/1.1"])
        context.sni_callback = _remember_name
        context.minimum_version = ssl.TLSVersion.TLSv1_2
        made[name] = context
    _make_old(made["old-tls"])
    return made


def _make_old(context):
    """Debian's policy refuses such a server; security level 0 is what lets this one exist at all."""
    context.set_ciphers("ALL:@SECLEVEL=0")
    context.options &= ~(ssl.OP_NO_TLSv1 | ssl.OP_NO_TLSv1_1)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)  # deprecated is what it is meant to be
        context.minimum_version = context.maximum_version = ssl.TLSVersion.TLSv1_1


def _remember_name(connection, name, _context):
    connection.asked_name = name
