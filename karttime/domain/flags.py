"""Track status, the closed vocabulary of flags."""

from enum import StrEnum


class Flag(StrEnum):
    """Track status. A feed's unknown word is kept beside `UNKNOWN`, never guessed."""

    NONE = "none"
    GREEN = "green"
    YELLOW = "yellow"
    FULL_COURSE_YELLOW = "full-course-yellow"
    SAFETY_CAR = "safety-car"
    RED = "red"
    CHEQUERED = "chequered"
    UNKNOWN = "unknown"
