"""Invented names: teams and drivers in several languages, with legal ones that look hostile.

Nobody here exists. The odd ones are what rental venues really let people type: markup, quotes, emoji, double and
trailing blanks, words of the feed itself.
"""

import random

FIRST = (
    "Aurèle", "Blanca", "Cosimo", "Dagny", "Eñaut", "Fjóla", "Gáspár", "Håkan", "Ilinca", "Jörn", "Kasimir", "Lúa",
    "Maëlle", "Nils", "Oriol", "Pénélope", "Quirin", "Renzo", "Saoirse", "Tadeáš", "Ursin", "Vasco", "Wiebke",
    "Xénia", "Yaël", "Žofie", "Anaïs", "Benedetta", "Ciarán", "Đorđe",
)  # fmt: skip

LAST = (
    "Vallombreuse", "Quintarrasa", "Montefalso", "Grönvindsson", "Harkelmann", "Overdijkstra", "Brisefer",
    "Serraquemada", "Lontanaro", "Fjällstigen", "Kettlebrook", "Pedralonga", "Schlehenbusch", "Trompe-Vent",
    "Castelvago", "Novakovský", "Waterhoen", "Almeirinho", "Roquedur", "Tannenzapf", "Villalejos", "Ponteverso",
    "Snödroppe", "Ravenscar-Bell", "Mirambeau", "Duinroos", "Cervejal", "Ochoterena", "Falkenhag", "Lechevrel",
)  # fmt: skip

TEAMS = (
    "LES BIELLES FOLLES", "ESCUDERÍA LA HORQUILLA", "SCUDERIA CORDOLO", "KERB HUNTERS", "TEAM INIT RACING",
    "Vårt Gula Stall", "OS PNEUS CARECAS", "De Late Remmers", "KURVENKRATZER e.V.", "APEX PREDATORS", "BOX BOX BOX",
    "GRID & GO", "TROIS TEMPS", "LA CADENA ROTA", "GOMMA LISCIA", "SLIPSTREAM SOCIETY", "TOUR 14", "LOS PENÚLTIMOS",
    "RACING'K", "PÂTÉ-CHICANE", "DRY LINE DRIVERS", "UNDERCUT UNITED", "KART À PART", "Näst Sist", "ZERO GRIP",
    "BANDEIRA AZUL", "PANNE SÈCHE", "MOTOR & MERMELADA", "Die Bremspunkte", "FULL LOCK", "LE DERNIER STAND",
    "CORDOLI E CAFFÈ", "FOURTH SECTOR", "CURVA DIECISIETE", "RÉSERVE ALLUMÉE", "VELOCE MA NON TROPPO",
)  # fmt: skip

ODD_DRIVERS = (
    "ELOWE <3", "ZIGY  😎", "O'Dubh “Turbo”", " JEAN  MARC ", "<b>FAST</b>", "Q&A", "ÅSA Ã\u2013", "007",
    'BOB "THE" KERB', "'; DROP TABLE karts;--", "r12c3", "=1+1", "ЖЕНЯ", "さくら", "🏁🏁🏁", "L\u2019ÉCLAIR", "NULL",
    "grid", "-", "<!-- P1 -->",
)  # fmt: skip

ODD_TEAMS = ("Q&A", "MUCHO & MÁS", "<3 KARTING", "R  TEAM ROCKET ", "TEAM 'OFF'", "« LES GUILLEMETS »", "IN & OUT")

NATIONS = ("FRA", "ESP", "ITA", "GBR", "SWE", "POR", "NED", "BEL", "GER", "CZE", "IRL", "")

ODD_EVERY = 4  # one name in four is an odd one, when odd names are wanted


def drivers(rng: random.Random, count: int, *, odd: bool = True) -> list[str]:
    """`count` different driver names."""
    plain = [f"{first} {last}" for first in FIRST for last in LAST]
    rng.shuffle(plain)
    return _mixed(rng, plain, ODD_DRIVERS if odd else (), count)


def teams(rng: random.Random, count: int, *, odd: bool = True) -> list[str]:
    """`count` different team names; beyond the list they get a number, as second crews do."""
    plain = list(TEAMS)
    rng.shuffle(plain)
    plain += [f"{name} {crew}" for crew in range(2, 2 + count // len(TEAMS) + 1) for name in TEAMS]
    return _mixed(rng, plain, ODD_TEAMS if odd else (), count)


def _mixed(rng: random.Random, plain: list[str], odd: tuple[str, ...], count: int) -> list[str]:
    chosen = rng.sample(odd, min(len(odd), count // ODD_EVERY))
    names = chosen + plain[: count - len(chosen)]
    while len(names) < count:
        names.append(f"{plain[len(names) % len(plain)]} {len(names)}")
    rng.shuffle(names)
    return names
