"""Who is who: start numbers, names, teams, classes, countries, ids."""

import re
from typing import Final

from karttime.analysis.roles.countries import COUNTRIES
from karttime.analysis.roles.shapes import Shape
from karttime.analysis.roles.states import are_states
from karttime.analysis.roles.view import Claim, View
from karttime.analysis.roles.words import words
from karttime.feeds.declared.spec import FieldRole
from karttime.feeds.declared.tables import PLACE
from karttime.feeds.declared.values import read_count, read_text

_NUMBER: Final = re.compile(r"#?[A-Za-z]{0,2}\d{1,4}[A-Za-z]{0,2}", re.ASCII)
_CODE: Final = re.compile(r"[A-Za-z]{2,3}", re.ASCII)
_PERSON: Final = re.compile(r"[^\W\d_][\w'\u2019.-]*(?:\s+[^\W\d_][\w'\u2019.-]*){1,4}")
_TEAM_WORDS: Final = re.compile(
    r"\b(racing|team|motorsports?|kart\w*|scuderia|ecurie|equipe|competition|sport|autosport|performance|gp|by|engineering"
    r"|rennsport|club|garage|crew)\b",
    re.IGNORECASE,
)


def claim_identity(view: View) -> None:
    """Claim numbers, names and the like."""
    for shape in view.shapes.values():
        if shape.path == (PLACE,):
            continue
        if shape.truths > 0.5 or shape.colours >= 0.9:
            if shape.colours >= 0.9 and shape.named(FieldRole.COLOUR):
                view.claim(shape, Claim(FieldRole.COLOUR, 0.8, why="colours"))
            continue
        _number(view, shape)
        if shape.letters >= 0.6:
            _text(view, shape)
    _only_number(view)


def _constant(shape: Shape) -> bool:
    return shape.restless < 0.05 or (shape.restless < 0.3 and len(shape.column.changes) > 20)


def unique(view: View, shape: Shape) -> float:
    """Mean share of different values among the rows that show one."""
    shares = []
    for section in view.sections:
        texts = [text for row in section.values() if (text := read_text(row.get(shape.path)))]
        if texts:
            shares.append(len(set(texts)) / len(texts) * min(1.0, len(texts) / (0.6 * len(section))))
    return sum(shares) / len(shares) if shares else 0.0


def _number(view: View, shape: Shape) -> None:
    named = shape.named(FieldRole.NUMBER)
    fits = sum(1 for text in shape.distinct if _NUMBER.fullmatch(text)) / max(len(shape.distinct), 1)
    if fits < 0.9 or not _constant(shape) or any(isinstance(value, float) for value in shape.values[:100]):
        if shape.counts >= 0.9 and _constant(shape) and unique(view, shape) >= 0.95:
            role = FieldRole.TRANSPONDER if shape.named(FieldRole.TRANSPONDER) else FieldRole.ID
            if min(map(len, shape.distinct)) >= 4 and (shape.unit is None or shape.named(role)):
                view.claim(shape, Claim(role, 0.7, why="a long number that stays with a row"))
        return
    single = unique(view, shape)
    if single < 0.95 or len(shape.distinct) < 2:
        if named and single >= 0.7:
            sure = 0.62 if named >= 0.8 else 0.45
            view.claim(shape, Claim(FieldRole.NUMBER, sure, why="called so, but not unique"))
        return
    is_key = shape.path == view.series.key
    numbers = sorted(count for text in shape.distinct if (count := read_count(text.lstrip("#"))) is not None)
    sequence = len(numbers) == len(shape.distinct) and numbers == [*range(numbers[0], numbers[0] + len(numbers))]
    confidence = 0.6 + 0.28 * named + 0.05 * is_key - 0.25 * (sequence and not named)
    if shape.named(FieldRole.ID) > named:
        view.claim(shape, Claim(FieldRole.ID, 0.65, why="unique, and called an id"))
        confidence = min(confidence, 0.62)
    view.claim(shape, Claim(FieldRole.NUMBER, min(confidence, 0.93), why="short, unique, and it stays with the row"))


def _only_number(view: View) -> None:
    """One number that is left without a rival is the start number; several without names are not told apart."""
    holders = [
        (claim, shape)
        for path, shape in view.shapes.items()
        for claim in view.claims.get(path, ())
        if claim.role is FieldRole.NUMBER and claim.confidence >= 0.5
    ]
    strong = [shape for _, shape in holders if shape.named(FieldRole.NUMBER)]
    others = [shape for _, shape in holders if not shape.named(FieldRole.ID, FieldRole.TRANSPONDER)]
    if not strong and len(others) == 1 < len(holders):
        view.claim(others[0], Claim(FieldRole.NUMBER, 0.72, why="the only short number beside those called ids"))
        strong = others
    if len(holders) == 1:
        claim, shape = holders[0]
        sure = 0.72 if shape.named(FieldRole.ID) > shape.named(FieldRole.NUMBER) else 0.8
        if 0.55 <= claim.confidence < sure:
            view.claim(shape, Claim(FieldRole.NUMBER, sure, why="the only short number that is unique and stays"))
        return
    for claim, shape in holders:
        if strong and shape not in strong:
            view.claims[shape.path].remove(claim)
            view.claim(shape, Claim(FieldRole.NUMBER, 0.4, why="another field is called the number"))
        elif not strong:
            view.claims[shape.path].remove(claim)
            view.claim(shape, Claim(FieldRole.NUMBER, 0.5, why="several fields could be the number"))


def _text(view: View, shape: Shape) -> None:
    distinct = shape.distinct
    if are_states(view, shape) or not distinct:
        return
    if any(text.startswith(("http:", "https:", "/")) for text in [*distinct][:20]) or shape.dates > 0.5:
        return
    if shape.clocks > 0.3:
        return
    codes = sum(text.lower() in COUNTRIES for text in distinct) / len(distinct)
    if codes >= 0.8 and all(_CODE.fullmatch(text) for text in distinct):
        sure = 0.75 + 0.15 * shape.named(FieldRole.NATIONALITY) if len(distinct) >= 3 or shape.names else 0.55
        view.claim(shape, Claim(FieldRole.NATIONALITY, sure, why="codes of countries"))
        return
    _name_or_class(view, shape)


def _name_or_class(view: View, shape: Shape) -> None:
    distinct, rows = shape.distinct, view.series.competitors
    laps = view.holder(FieldRole.LAPS)
    share = 0.5 if shape.named(FieldRole.DRIVER, FieldRole.TEAM) else 0.2
    steady = shape.restless <= max(1.0, share * laps.restless if laps is not None else 0.0)
    person = sum(bool(_PERSON.fullmatch(text)) and not _TEAM_WORDS.search(text) for text in distinct) / len(distinct)
    team = sum(bool(_TEAM_WORDS.search(text)) for text in distinct) / len(distinct)
    single, named_team = unique(view, shape), shape.named(FieldRole.TEAM)
    named_class = shape.named(FieldRole.CLASS)
    if named_class and len(distinct) <= max(0.6 * rows, 3) and steady:
        repeats = len(distinct) <= 0.5 * rows and rows >= 4
        view.claim(shape, Claim(FieldRole.CLASS, 0.85 if repeats else 0.65, why="few different words, called so"))
    elif (
        len(distinct) <= 8 and rows >= 8 and single < 0.5 and _constant(shape) and shape.words < 2.5 and not named_team
    ):
        view.claim(shape, Claim(FieldRole.CLASS, 0.45, why="few different words that stay with the row"))
    if steady:
        _name(view, shape, person, team)


def _name(view: View, shape: Shape, person: float, team: float) -> None:
    distinct, single = shape.distinct, unique(view, shape)
    named_driver, named_team = shape.named(FieldRole.DRIVER), shape.named(FieldRole.TEAM)
    named_class = shape.named(FieldRole.CLASS)
    if named_team and (not named_driver or named_team >= named_driver):
        view.claim(shape, Claim(FieldRole.TEAM, 0.72 + 0.1 * (single < 0.95 or team > 0.2), why="texts, called so"))
    elif named_driver:
        part = _part(shape)
        sure = 0.72 + 0.15 * (person >= 0.5) if shape.letters >= 0.9 else 0.6
        view.claim(shape, Claim(FieldRole.DRIVER, sure, part=part, why="names, called so"))
    elif team >= 0.3:
        view.claim(shape, Claim(FieldRole.TEAM, 0.7 if team >= 0.5 else 0.6, why="words of teams"))
    elif person >= 0.6 and single >= 0.9 and len(distinct) >= 4:
        view.claim(shape, Claim(FieldRole.DRIVER, 0.7, why="names of persons, one for each row"))
    elif single >= 0.9 and not named_class and min(map(len, distinct)) >= 3 and _constant(shape):
        view.claim(shape, Claim(FieldRole.DRIVER, 0.5, why="a text for each row"))
        view.claim(shape, Claim(FieldRole.TEAM, 0.45, why="a text for each row"))


def _part(shape: Shape) -> str:
    text = words(shape.path)
    if re.search(r"\b(first|prenom|forename|given|vorname|nombre)\b", text):
        return "first"
    if re.search(r"\b(last|surname|family|nachname|apellido|second)\b", text):
        return "last"
    if re.search(r"\b(tla|abbr\w*|short|initials|nick\w*|alias|code|monitor|broadcast)\b", text):
        return "short"
    return ""
