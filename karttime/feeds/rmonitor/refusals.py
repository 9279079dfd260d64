"""Why something is refused: a closed set of reasons."""

from typing import Final

REASONS: Final = (
    "foreign-bytes",  # no record at all: strangers' bytes, control characters
    "unknown-command",  # a record of no known kind
    "fused",  # one record in another: a relay passed partial reads on
    "truncated",  # the text of the last field has no end
    "malformed",  # too few fields, or quotes that do not fit
    "bad-value",  # a field that cannot be what its place says
    "too-long",  # a line of more than 1000 characters
    "too-many-lines",  # in one frame
    "too-many-competitors",
    "unknown-competitor",  # a loop was crossed by a number that nobody has
)
