"""How well RMonitor explains a sample of frames."""

import pytest

from karttime.feeds.frame import Frame
from karttime.feeds.rmonitor.score import score_racemonitor, score_rmonitor

RECORDS = (
    '$F,9999,"07:48:51","09:11:08","00:11:08","Green "',
    '$A,"9","9",LN-4954,"Ann","Bee","NED",1',
    '$COMP,"9","9",1,"Ann","Bee","NED","CAR"',
    '$B,5,"Heat 5"',
    '$C,1,"Rookies"',
    '$E,"TRACKNAME","Hill"',
    '$G,2,"9",,"00:00:00.000"',
    '$H,2,"9",3,"00:02:17.872"',
    '$I, "00:00:00", "0/0/0000"',
    '$J,"9","00:00:54.249","00:12:48.075"',
    '$SR,22,"16",23,"00:00:12.090",59553',
    '$SP,33,"22",9,"00:00:12.012",59940',
    '$L,"9","5","P3","20","10:11:12"',
)


@pytest.mark.parametrize("line", RECORDS)
def test_one_record_is_enough(line: str) -> None:
    """To be told, not to be sure; with its line's end or without, also between torn lines."""
    for texts in ((line + "\r\n",), (line,), ('05","00:02:00.175"\r\n', line + "\n", '$G,3,"7",1,"00:0\n')):
        found = score_rmonitor([Frame(number, text) for number, text in enumerate(texts)])
        assert 0.3 <= found.value < 0.8


@pytest.mark.parametrize("line", ["$RMLT,9,1610909938000", '$RMHL,"9","4","2","00:00:41.746","Green ","00:15:39.231"'])
def test_one_record_of_the_relay_is_enough(line: str) -> None:
    """It names the relay."""
    assert 0.3 <= score_racemonitor([Frame(0, line)]).value < 0.8


def test_many_records_are_certain() -> None:
    """A dozen leaves no other explanation."""
    assert score_rmonitor([Frame(number, line + "\n") for number, line in enumerate(RECORDS)]).value == 1.0


@pytest.mark.parametrize(
    "line",
    [
        "$F,9.87,100,9.88,200,1",
        "$T,21.40,500,21.41,100",
        "$C,61.2,300",
        "$GPRMC,123519,A,4807.038,N,01131.000,E,022.4,084.4,230394,003.1,W",
        "$A,1,2,3,4,5,6,7",
        "F,9999,00:00:00",
        "the price is $5, or $G,2",
    ],
)
def test_other_lines_are_no_records(line: str) -> None:
    """Prices of shares, positions of a receiver, words: numbers and quotes do not stand as in the protocol."""
    sample = [Frame(number, line + "\n") for number in range(60)]
    assert score_rmonitor(sample).value == 0.0
    assert score_racemonitor(sample).value == 0.0
