from karttime.engine.status import CollectorState


def test_states_are_the_words_that_clients_and_people_read() -> None:
    """They go out in `/status` and in status messages: changing one breaks readers."""
    assert [state.value for state in CollectorState] == [
        "stopped",
        "connecting",
        "live",
        "silent",
        "detecting",
        "flooding",
        "reconnecting",
        "gave-up",
        "failed",
    ]
