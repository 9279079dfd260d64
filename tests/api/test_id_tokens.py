"""ID tokens with real signatures, verified by Google's own library; Google's addresses are answered in process."""

import io
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import requests
import responses

from karttime.api.id_token_shape import may_be_id_token, shape
from karttime.api.id_tokens import IdTokens, RefusedSignIn, SignInOptions, SignInUnavailable, emulators
from karttime.api.policy import Scope
from karttime.engine.clock import Clock
from karttime.errors import UsageError

from .google import CERTIFICATES, HOSTS, PROJECT, Google, bad_tokens, rsa_key, service_account, signed


class Body(io.BufferedReader):
    """A body that is closed at its end, as one from a socket is: the library's cache waits for that."""

    def read(self, size: int | None = -1, /) -> bytes:
        data = b"" if self.closed else super().read(size)
        if not self.closed and not self.peek(1):
            self.close()
        return data


OPTIONS = SignInOptions(PROJECT)
Make = Callable[[SignInOptions], IdTokens]


@pytest.fixture
def google() -> Iterator[Google]:
    """Google, as this process sees it."""
    known = Google()

    def answer(request: requests.PreparedRequest) -> tuple[int, dict[str, str], Any]:
        if known.away:
            raise requests.ConnectionError("no way to " + str(request.url))
        status, headers, said = known.answer(str(request.url), request.body if isinstance(request.body, bytes) else b"")
        return status, headers, Body(io.BytesIO(said))

    with responses.RequestsMock(assert_all_requests_are_fired=False) as answers:
        answers.add_callback(responses.GET, CERTIFICATES, callback=answer)
        for address in (
            f"https://{HOSTS[1]}/token",
            f"https://{HOSTS[2]}/v1/projects/{PROJECT}/accounts:lookup",
        ):
            answers.add_callback(responses.POST, address, callback=answer)
        yield known


@pytest.fixture
def make() -> Iterator[Make]:
    """Makes verifiers, and takes them apart."""
    made: list[IdTokens] = []

    def make(options: SignInOptions) -> IdTokens:
        made.append(IdTokens(options))
        return made[-1]

    yield make
    for tokens in made:
        tokens.close()


def test_a_good_token_says_who_and_until_when(google: Google, make: Make) -> None:
    """The scope of the setting, and the token's own expiry."""
    exp = int(time.time()) + 1800
    person = make(SignInOptions(PROJECT, scope=Scope.CONTROL)).verify(google.token(exp=exp))
    assert person.scope is Scope.CONTROL
    assert person.expires_at == exp * 1000


def test_no_bad_token_is_accepted(google: Google, make: Make) -> None:
    """Not one of the matrix, and no refusal repeats anything of the token."""
    tokens, bad = make(OPTIONS), bad_tokens(google)
    assert len(bad) >= 40
    for name, token in bad.items():
        with pytest.raises(RefusedSignIn) as refused:
            tokens.verify(token)
        assert refused.value.status == 401, name
        assert not any(len(piece) > 3 and piece in str(refused.value) for piece in token.split(".")), name
    assert tokens.verify(google.token()).scope is Scope.ADMIN, "and the verifier still works"


def test_most_bad_tokens_are_refused_before_anything_is_asked(google: Google, make: Make) -> None:
    """What cannot be a token costs no request."""
    tokens = make(OPTIONS)
    for token in ("x.y.z", signed([], rsa_key("one"), kid="one"), google.token(sub=""), "a" * 5000):
        with pytest.raises(RefusedSignIn):
            tokens.verify(token)
    assert google.asked == {}


@pytest.mark.parametrize("off", [-5, 5])
def test_a_clock_that_is_a_little_off_is_borne(google: Google, make: Make, off: int) -> None:
    """Ten seconds either way, and not a minute."""
    now = int(time.time())
    tokens = make(OPTIONS)
    assert tokens.verify(google.token(iat=now + off, exp=now + off + 3600, auth_time=now + off)).scope
    if off < 0:
        assert tokens.verify(google.token(exp=now + off)).scope
    with pytest.raises(RefusedSignIn, match="expired" if off < 0 else "clock"):
        tokens.verify(google.token(exp=now - 60) if off < 0 else google.token(iat=now + 60))


def test_the_clock_of_the_service_decides_about_the_time_of_the_sign_in(google: Google) -> None:
    """A sign-in that is not yet is refused, with a hint at the clock."""
    tokens = IdTokens(OPTIONS, Clock(wall_ms=lambda: int((time.time() - 3600) * 1000)))
    with pytest.raises(RefusedSignIn, match="doctor"):
        tokens.verify(google.token())
    tokens.close()


def test_keys_rotate(google: Google, make: Make) -> None:
    """A new key is known as soon as it is published, one that is withdrawn is no good."""
    tokens = make(OPTIONS)
    with pytest.raises(RefusedSignIn):
        tokens.verify(google.token("two"))
    google.published = ["two"]
    assert tokens.verify(google.token("two")).scope
    with pytest.raises(RefusedSignIn):
        tokens.verify(google.token("one"))


def test_certificates_are_fetched_as_seldom_as_google_says(google: Google, make: Make) -> None:
    """Within their age the library asks once, also while Google is away."""
    google.max_age = 3600
    tokens = make(OPTIONS)
    assert tokens.verify(google.token()).scope
    google.away = True
    assert tokens.verify(google.token(sub="another")).scope
    assert google.asked == {CERTIFICATES: 1}


@pytest.mark.parametrize("trouble", ["away", "garbage"])
def test_google_being_away_is_not_the_tokens_fault(google: Google, make: Make, trouble: str) -> None:
    """Unreachable, or hidden behind a network's log-in page; then it works again."""
    tokens, token = make(OPTIONS), google.token()
    setattr(google, trouble, True)
    with pytest.raises(SignInUnavailable) as unavailable:
        tokens.verify(token)
    assert token not in str(unavailable.value)
    setattr(google, trouble, False)
    assert tokens.verify(token).scope


@pytest.mark.parametrize(
    ("account", "says", "status"),
    [
        ({"validSince": str(int(time.time()) + 86_400)}, "ended", 401),
        ({"validSince": "0", "disabled": True}, "disabled", 403),
        (None, "does not exist", 401),
    ],
)
def test_revoked_disabled_and_deleted_accounts(
    google: Google, make: Make, tmp_path: Path, account: dict[str, Any] | None, says: str, status: int
) -> None:
    """Refused where the setting asks Google, each with its reason; without the setting the token decides."""
    checking = make(SignInOptions(PROJECT, service_account(tmp_path), check_revoked=True))
    assert checking.verify(google.token()).scope
    google.users = {} if account is None else {"racer": account}
    with pytest.raises(RefusedSignIn, match=says) as refused:
        checking.verify(google.token())
    assert refused.value.status == status
    assert make(OPTIONS).verify(google.token()).scope
    google.away = True
    with pytest.raises(SignInUnavailable):
        checking.verify(google.token())


@pytest.mark.parametrize(
    ("changes", "scope"),
    [
        ({}, Scope.ADMIN),
        ({"karttime": "read"}, Scope.READ),
        ({"karttime": "control"}, Scope.CONTROL),
        ({"karttime": "none"}, None),
        ({"karttime": ["admin"]}, None),
        ({"firebase": {"sign_in_provider": "anonymous"}}, Scope.READ),
        ({"firebase": {"sign_in_provider": "anonymous"}, "karttime": "control"}, Scope.CONTROL),
    ],
)
def test_the_scope_of_a_person(google: Google, make: Make, changes: dict[str, Any], scope: Scope | None) -> None:
    """The setting's, unless a custom claim says another; nobody in particular may read."""
    assert make(OPTIONS).verify(google.token(**changes)).scope is scope


@pytest.mark.parametrize("content", ["", "{}", '{"type":"service_account","private_key":"canary"}', "\xff"])
def test_credentials_that_are_none_are_refused_at_the_start(tmp_path: Path, content: str) -> None:
    """With the file's name, without what is in it."""
    path = tmp_path / "credentials.json"
    path.write_text(content, encoding="latin-1")
    with pytest.raises(UsageError, match=r"credentials\.json is no service account") as refused:
        IdTokens(SignInOptions(PROJECT, path))
    assert "canary" not in str(refused.value)


def test_revocation_needs_credentials(tmp_path: Path) -> None:
    """Refused at the start, not at the first sign-in."""
    with pytest.raises(UsageError, match="FIREBASE_CHECK_REVOKED"):
        IdTokens(SignInOptions(PROJECT, tmp_path / "none.json", check_revoked=True))


def test_emulators_are_found_by_their_variables() -> None:
    """An empty variable names none."""
    assert emulators({"FIRESTORE_EMULATOR_HOST": "127.0.0.1:9", "FIREBASE_AUTH_EMULATOR_HOST": ""}) == [
        "FIRESTORE_EMULATOR_HOST"
    ]
    assert emulators({}) == []


def test_the_shape_of_a_good_token(google: Google) -> None:
    """Three parts, with its times; API keys have no such shape."""
    assert may_be_id_token(google.token())
    assert not may_be_id_token("kt_00000000_" + "A" * 43)
    found = shape(google.token(iat=1_800_000_000, exp=1_800_003_600, auth_time=None))
    assert found is not None
    assert (found.issued_at, found.expires_at, found.signed_in_at) == (1_800_000_000, 1_800_003_600, None)
