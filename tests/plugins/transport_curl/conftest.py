"""Certificates for a server on loopback, and an FTP server."""

import ssl
import subprocess

import pytest

_CA = ("-x509", "-days", "2", "-nodes", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256")


def openssl(*words, **options):
    subprocess.run(["openssl", *map(str, words)], check=True, capture_output=True, **options)


@pytest.fixture(scope="session")
def certificates(tmp_path_factory):
    """Return a directory with ``ca.pem``, ``server.pem`` and ``client.pem``, keys included."""
    directory = tmp_path_factory.mktemp("certificates")
    openssl("req", *_CA, "-subj", "/CN=ca", "-keyout", "ca.key", "-out", "ca.pem", cwd=directory)
    for name in ("server", "client"):
        (directory / f"{name}.ext").write_text("subjectAltName=IP:127.0.0.1,DNS:localhost\n")
        openssl(
            *("req", "-nodes", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256"),
            *("-subj", f"/CN={name}", "-keyout", f"{name}.key", "-out", f"{name}.csr"),
            cwd=directory,
        )
        openssl(
            *("x509", "-req", "-days", "2", "-in", f"{name}.csr", "-CA", "ca.pem"),
            *("-CAkey", "ca.key", "-extfile", f"{name}.ext", "-out", f"{name}.crt"),
            cwd=directory,
        )
        both = (directory / f"{name}.crt").read_text() + (directory / f"{name}.key").read_text()
        (directory / f"{name}.pem").write_text(both)
    return directory


@pytest.fixture
def tls(certificates):
    """Return what a server speaks TLS with."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificates / "server.pem")
    return context
