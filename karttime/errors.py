"""Every error that karttime raises on purpose.

```
KarttimeError                  base: one clear sentence that says what to do
├── UsageError                 the person asked for something that cannot be done (exit code 2)
│   └── RecordingError         a file is missing, empty, torn, not a recording
├── FeedError                  the upstream broke its format; carries what it sent
├── SourceError                an upstream cannot be reached, or closed
├── StorageError               the database cannot be read or written
└── RecorderError              a recording cannot be written: disk full, no permission
```

Anything else that surfaces is a bug of ours and is left to surface.
"""


class KarttimeError(Exception):
    """Base of all: its text is one sentence for a person, without a traceback."""


class UsageError(KarttimeError):
    """The person asked for something that cannot be done; the text says what can."""


class RecordingError(UsageError):
    """A file cannot be read as a recording; the text names it and says why."""


class FeedError(KarttimeError):
    """The upstream broke its own format.

    Attributes:
        payload: what it sent, cut to a bounded length.
    """

    def __init__(self, message: str, payload: str = "") -> None:
        super().__init__(message)
        self.payload = payload[:4096]


class SourceError(KarttimeError):
    """An upstream cannot be reached, refused us, or went away."""


class StorageError(KarttimeError):
    """The database cannot be opened, read or written."""


class RecorderError(KarttimeError):
    """A recording cannot be written any more: disk full, permission, device error."""
