"""A stand-in for Google: keys that sign ID tokens, their certificates, and accounts; answered in process or by HTTPS.

Nothing of the service knows of it: in process Google's addresses are answered by `responses`, and for a service that is
a process of its own a proxy (`HTTPS_PROXY`) answers in Google's name, with a certificate that `REQUESTS_CA_BUNDLE`
trusts.
"""

import base64
import datetime
import json
import socketserver
import ssl
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from email.utils import formatdate
from functools import cache
from http.server import BaseHTTPRequestHandler
from pathlib import Path
from typing import Any

import orjson
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa
from cryptography.x509.oid import NameOID

PROJECT = "kartingapp-fef5c"
ISSUER = f"https://securetoken.google.com/{PROJECT}"
CERTIFICATES = "https://www.googleapis.com/robot/v1/metadata/x509/securetoken@system.gserviceaccount.com"
HOSTS = (
    "www.googleapis.com",
    "oauth2.googleapis.com",
    "identitytoolkit.googleapis.com",
    "iamcredentials.googleapis.com",
)
CUSTOM_AUDIENCE = "https://identitytoolkit.googleapis.com/google.identity.identitytoolkit.v1.IdentityToolkit"

_Private = rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey


@cache
def rsa_key(name: str) -> rsa.RSAPrivateKey:
    """A key of this name, the same as long as the tests run: making one takes a while."""
    del name
    return rsa.generate_private_key(65537, 2048)


def certificate(key: _Private, name: str, issuer: tuple[_Private, str] | None = None) -> x509.Certificate:
    """A certificate of a key, signed by itself or by an authority."""
    signer, signer_name = issuer or (key, name)
    now = datetime.datetime.now(datetime.UTC)
    builder = (
        x509.CertificateBuilder()
        .subject_name(x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)]))
        .issuer_name(x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, signer_name)]))
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - datetime.timedelta(days=1))
        .not_valid_after(now + datetime.timedelta(days=2))
    )
    if issuer is None:
        builder = builder.add_extension(x509.BasicConstraints(True, None), critical=True)
    else:
        names = x509.SubjectAlternativeName([x509.DNSName(host) for host in HOSTS])
        builder = builder.add_extension(names, critical=False)
    return builder.sign(signer, hashes.SHA256())


def pem(thing: x509.Certificate | _Private) -> str:
    """As Google publishes it, or as a file of a service account holds it."""
    if isinstance(thing, x509.Certificate):
        return thing.public_bytes(serialization.Encoding.PEM).decode()
    form, none = serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    return thing.private_bytes(serialization.Encoding.PEM, form, none).decode()


def part(value: object) -> str:
    """One part of a token."""
    data = value if isinstance(value, bytes) else orjson.dumps(value)
    return base64.urlsafe_b64encode(data).decode().rstrip("=")


def claims(**changes: Any) -> dict[str, Any]:
    """What a good token says; a change to None leaves a claim out."""
    now = int(time.time())
    said = {
        "iss": ISSUER,
        "aud": PROJECT,
        "auth_time": now - 60,
        "user_id": "racer",
        "sub": "racer",
        "iat": now - 60,
        "exp": now + 3540,
        "email": "racer@example.com",
        "firebase": {"identities": {"email": ["racer@example.com"]}, "sign_in_provider": "password"},
    }
    return {name: value for name, value in (said | changes).items() if value is not None}


def signed(said: Any, key: rsa.RSAPrivateKey, **header: Any) -> str:
    """A token, whatever it says, signed with RS256; a header of None is left out."""
    head = {name: value for name, value in ({"alg": "RS256", "typ": "JWT"} | header).items() if value is not None}
    text = f"{part(head)}.{part(said)}"
    return f"{text}.{part(key.sign(text.encode(), padding.PKCS1v15(), hashes.SHA256()))}"


class Google:
    """What Google knows: which keys sign now, and its users.

    Attributes:
        published: key ids whose certificates are published.
        users: what is told of an account; an unknown one does not exist.
        away: Google does not answer.
        garbage: somebody else does.
        ahead_s: of its clock.
        max_age: seconds that certificates may be kept.
        asked: how often each address was asked for.
    """

    def __init__(self) -> None:
        self.published = ["one"]
        self.users: dict[str, dict[str, Any]] = {"racer": {"validSince": "0"}}
        self.away = False
        self.garbage = False
        self.ahead_s = 0.0
        self.max_age = 0
        self.asked: dict[str, int] = {}

    def token(self, kid: str = "one", **changes: Any) -> str:
        """An ID token that Google would give somebody."""
        return signed(claims(**changes), rsa_key(kid), kid=kid)

    def answer(self, address: str, body: bytes) -> tuple[int, dict[str, str], bytes]:
        """What Google answers at an address."""
        self.asked[address] = self.asked.get(address, 0) + 1
        headers = {
            "Content-Type": "application/json",
            "Cache-Control": f"public, max-age={self.max_age}" if self.max_age else "no-store",
            "Date": formatdate(time.time() + self.ahead_s, usegmt=True),
        }
        if self.garbage:
            return 200, headers, b"<html>log in to the track's network</html>"
        if address == CERTIFICATES:
            found: Any = {kid: pem(certificate(rsa_key(kid), "google")) for kid in self.published}
        elif address.endswith("/token"):
            found = {"access_token": "ya29.stand-in", "expires_in": 3600, "token_type": "Bearer"}
        elif address.endswith("accounts:lookup"):
            known = [name for name in json.loads(body)["localId"] if name in self.users]
            found = {"users": [{"localId": name, **self.users[name]} for name in known]}
        else:
            return 404, headers, b"{}"
        return 200, headers, orjson.dumps(found)


def bad_tokens(google: Google) -> dict[str, str]:
    """Tokens that must not be accepted, each by what is wrong with it."""
    now, one = int(time.time()), rsa_key("one")
    good = google.token()
    head, body, signature = good.split(".")
    public = one.public_key().public_bytes(serialization.Encoding.PEM, serialization.PublicFormat.PKCS1)
    import hashlib
    import hmac

    def hs256(secret: bytes) -> str:
        text = f"{part({'alg': 'HS256', 'kid': 'one', 'typ': 'JWT'})}.{body}"
        return f"{text}.{part(hmac.new(secret, text.encode(), hashlib.sha256).digest())}"

    wrong: dict[str, dict[str, Any]] = {
        "expired": {"exp": now - 60},
        "expired long ago": {"iat": now - 9000, "exp": now - 5400},
        "issued in the future": {"iat": now + 300, "exp": now + 3900},
        "signed in in the future": {"auth_time": now + 300},
        "another project's audience": {"aud": "another-project"},
        "audiences": {"aud": [PROJECT]},
        "no audience": {"aud": None},
        "another project's issuer": {"iss": "https://securetoken.google.com/another-project"},
        "an issuer that only begins like ours": {"iss": ISSUER + ".evil.example"},
        "no issuer": {"iss": None},
        "no subject": {"sub": None},
        "an empty subject": {"sub": ""},
        "a subject that is too long": {"sub": "x" * 129},
        "a subject that is a number": {"sub": 7},
        "no time of issue": {"iat": None},
        "no expiry": {"exp": None},
        "an expiry that is a text": {"exp": str(now + 3000)},
        "an expiry that is true": {"exp": True},
        "a custom token": {"aud": CUSTOM_AUDIENCE, "iss": "svc@example.com", "uid": "racer"},
        "a session cookie": {"iss": f"https://session.firebase.google.com/{PROJECT}"},
        "Google's own ID token": {"iss": "https://accounts.google.com"},
    }
    tokens = {name: google.token(**changes) for name, changes in wrong.items()}
    tokens |= {
        "no algorithm": f"{part({'alg': 'none', 'kid': 'one', 'typ': 'JWT'})}.{body}.",
        "no algorithm, signed": f"{part({'alg': 'none', 'kid': 'one', 'typ': 'JWT'})}.{body}.{signature}",
        "HS256 with the public key": hs256(public),
        "HS256 with the certificate": hs256(pem(certificate(one, "google")).encode()),
        "RS384 said": signed(claims(), one, kid="one", alg="RS384"),
        "an unknown key": signed(claims(), one, kid="nine"),
        "no key id": signed(claims(), one),
        "an empty key id": signed(claims(), one, kid=""),
        "a key id that is a list": signed(claims(), one, kid=["one"]),
        "another key's signature": signed(claims(), rsa_key("evil"), kid="one"),
        "a key of its own": signed(
            claims(), rsa_key("evil"), kid="one", jwk={"kty": "RSA"}, jku="https://evil.example"
        ),
        "a critical extension": signed(claims(), one, kid="one", crit=["exp"]),
        "another's claims": f"{head}.{part(claims(sub='admin', user_id='admin'))}.{signature}",
        "another's header": f"{part({'alg': 'RS256', 'kid': 'one'})}.{body}.{signature}",
        "no signature": f"{head}.{body}.",
        "a signature cut short": good[:-8],
        "a foreign character in the signature": f"{head}.{body}.{signature[:20]}!{signature[20:]}",
        "padding": good + "==",
        "a fourth part": good + ".x",
        "two parts": f"{head}.{body}",
        "claims that are a list": signed([1], one, kid="one"),
        "claims that are no JSON": signed(b"\xff\xfe{", one, kid="one"),
        "claims that nest": signed(b"[" * 600 + b"]" * 600, one, kid="one"),
        "a number that is none": signed(orjson.dumps(claims(exp=1.5)).replace(b"1.5", b"NaN"), one, kid="one"),
        "too long": google.token(note="x" * 4000),
        "garbage": "e.y.J",
        "dots": "..",
    }
    return tokens


def service_account(folder: Path) -> Path:
    """A file of credentials, whose secret is `rsa_key("account")`."""
    path = folder / "firebase-credentials.json"
    content = {
        "type": "service_account",
        "project_id": PROJECT,
        "private_key_id": "abc",
        "private_key": pem(rsa_key("account")),
        "client_email": f"karttime@{PROJECT}.iam.gserviceaccount.com",
        "client_id": "1",
        "token_uri": "https://oauth2.googleapis.com/token",
    }
    path.write_bytes(orjson.dumps(content))
    return path


class _Tunnel(BaseHTTPRequestHandler):
    """A proxy that answers in Google's name whatever goes through it."""

    protocol_version = "HTTP/1.1"
    server: "_Server"

    def do_CONNECT(self) -> None:
        self.send_response(200)
        self.end_headers()
        if self.server.google.away:
            self.close_connection = True
            return
        with suppress(OSError, ssl.SSLError):
            secure = self.server.context.wrap_socket(self.connection, server_side=True)
            _Answers(secure, self.client_address, self.server, self.path.partition(":")[0])
            secure.close()
        self.close_connection = True

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 - the base class calls it so
        """Nothing on standard error."""


class _Answers(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: "_Server"

    def __init__(self, request: Any, client: Any, server: "_Server", host: str) -> None:
        self.host = host
        super().__init__(request, client, server)

    def do_GET(self) -> None:
        body = self.rfile.read(int(self.headers.get("content-length") or 0))
        if self.server.google.away:
            self.close_connection = True
            return
        status, headers, answer = self.server.google.answer(f"https://{self.host}{self.path}", body)
        self.send_response_only(status)
        for name, value in headers.items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(answer)))
        self.end_headers()
        self.wfile.write(answer)

    do_POST = do_GET  # noqa: N815 - the base class calls it so

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 - the base class calls it so
        """Nothing on standard error."""


class _Server(socketserver.ThreadingTCPServer):
    daemon_threads = True
    allow_reuse_address = True
    google: Google
    context: ssl.SSLContext

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A client that went away is no fault."""


@contextmanager
def standing_in(google: Google, folder: Path) -> Iterator[dict[str, str]]:
    """Answer in Google's name while the context lasts: the environment that leads a process here."""
    authority = ec.generate_private_key(ec.SECP256R1())
    own = ec.generate_private_key(ec.SECP256R1())
    (folder / "authority.pem").write_text(pem(certificate(authority, "authority")))
    leaf = certificate(own, HOSTS[0], (authority, "authority"))
    (folder / "own.pem").write_text(pem(own) + pem(leaf))
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(folder / "own.pem")
    with _Server(("127.0.0.1", 0), _Tunnel) as server:
        server.google, server.context = google, context
        threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True).start()
        try:
            yield {
                "HTTPS_PROXY": f"http://127.0.0.1:{server.server_address[1]}",
                "REQUESTS_CA_BUNDLE": str(folder / "authority.pem"),
                "NO_PROXY": "127.0.0.1,localhost",
            }
        finally:
            server.shutdown()
