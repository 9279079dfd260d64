import pytest

from karttime.api.tokens import bearer, digest, fits, new_token, well_formed


def test_a_new_token_is_long_random_and_fits_its_digest() -> None:
    """256 bits of chance, in 43 characters."""
    made = [new_token() for _ in range(50)]
    assert len({token.token for token in made}) == 50
    for token in made:
        assert well_formed(token.token)
        assert token.token.startswith(f"kt_{token.id}_")
        assert fits(token.token, token.digest)
        assert token.token not in token.digest
    assert not fits(made[0].token, made[1].digest)


@pytest.mark.parametrize("text", ["", "kt__", "kt_0000000g_" + "A" * 43, "kt_00000000_" + "A" * 44, "\nkt_", "é" * 55])
def test_other_texts_are_no_tokens(text: str) -> None:
    """They are not worth a look into the database."""
    assert not well_formed(text)
    assert digest(text) != text


@pytest.mark.parametrize(
    ("header", "token"),
    [
        ("Bearer abc", "abc"),
        ("bearer  abc ", "abc"),
        ("BEARER a.b-c_d~e+f/=", "a.b-c_d~e+f/="),
        (None, None),
        ("", None),
        ("Bearer", None),
        ("Bearer ", None),
        ("Bearer a b", None),
        ("Basic abc", None),
        ("Bearer " + "x" * 9000, None),
    ],
)
def test_the_token_of_a_header(header: str | None, token: str | None) -> None:
    """Any case of the word, one token, bounded."""
    assert bearer(header) == token
