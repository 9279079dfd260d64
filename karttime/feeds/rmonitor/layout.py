"""The board of a feed that has none: a fixed layout, so that clients who know columns can show it.

| column | label | role | shows |
|---|---|---|---|
| C1 | Pos | position | place: by `$G` in races, by `$H` where best laps rank |
| C2 | No | number | number of the entry, `05` as it is; the registration number until an entry is known |
| C3 | Name | driver | first and last name; teams stand there, too |
| C4 | Class | class | name of the class, its number until `$C` names it |
| C5 | Laps | laps | laps as counted; blank before the first, below zero after some corrections |
| C6 | Last | last_lap | time of the last lap |
| C7 | Best | best_lap | best lap by `$H`, else of those that were seen |
| C8 | Gap | gap | to the leader, computed: a time, or laps for who was lapped; the leader's cell shows his laps |
| C9 | Int | interval | to the competitor ahead, the same way |
| C10 | Total | total_time | total time with penalties |
| C11 | Flag | flag | the flag of the track, in the feed's words |
| C12 | Status | status | `Pit`, `Out`, `Finished` |
| C13 | Pits | pit_stops | pit stops that were seen; blank where the feed tells nothing of pits |
| C14 | Penalty | penalty | what the total time has on top of the crossings, in seconds |
| C15 | Nat | nationality | what the entry says there: a country, often a make of car |
| C16 | Info | information | additional data of the entry: team, sponsor, model |
| C17 | In | unknown | in which lap the best was driven |
| C18 | Speed | speed | mean speed of the last lap, where the feed sends it, in units of the track's length an hour |
"""

from typing import Final

from karttime.domain.columns import Column, Role

_LAYOUT: Final = (
    ("Pos", Role.POSITION),
    ("No", Role.NUMBER),
    ("Name", Role.DRIVER),
    ("Class", Role.CLASS),
    ("Laps", Role.LAPS),
    ("Last", Role.LAST_LAP),
    ("Best", Role.BEST_LAP),
    ("Gap", Role.GAP),
    ("Int", Role.INTERVAL),
    ("Total", Role.TOTAL_TIME),
    ("Flag", Role.FLAG),
    ("Status", Role.STATUS),
    ("Pits", Role.PIT_STOPS),
    ("Penalty", Role.PENALTY),
    ("Nat", Role.NATIONALITY),
    ("Info", Role.INFORMATION),
    ("In", Role.UNKNOWN),
    ("Speed", Role.SPEED),
)

COLUMNS: Final = tuple(
    Column(index, role, label, role.value if role is not Role.UNKNOWN else "best_lap_number")
    for index, (label, role) in enumerate(_LAYOUT, 1)
)
"""The columns of every RMonitor session."""
