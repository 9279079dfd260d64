"""`karttime serve` as the child of a dashboard: it ends when the dashboard does, however that ended."""

import os
import signal
import threading


def _end_with_parent() -> None:
    """The parent holds the other end of our standard input, and never writes."""
    while os.read(0, 4096):  # not by sys.stdin, whose lock a daemon thread would hold when the interpreter ends
        pass
    os.kill(os.getpid(), signal.SIGTERM)


def main() -> None:
    """Serve as the arguments say, until the parent is gone."""
    from karttime.cli.main import main as command

    threading.Thread(target=_end_with_parent, daemon=True).start()
    command()


if __name__ == "__main__":
    main()
