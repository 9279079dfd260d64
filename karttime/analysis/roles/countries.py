"""Codes of countries that feeds show: two letters as in ISO 3166, three as in ISO 3166 or as sports write them."""

from typing import Final

COUNTRIES: Final = frozenset([
    "de", "fr", "it", "es", "gb", "uk", "us", "nl", "be", "se", "no", "fi", "dk", "pl", "cz", "sk", "at", "ch",
    "pt", "br", "ar", "jp", "au", "nz", "ca", "mx", "cn", "ru", "ua", "ro", "hu", "si", "hr", "rs", "ie", "lu",
    "mc", "ee", "lv", "lt", "ger", "deu", "fra", "ita", "esp", "gbr", "usa", "ned", "nld", "bel", "swe", "nor",
    "fin", "den", "dnk", "pol", "cze", "svk", "aut", "sui", "che", "por", "prt", "bra", "arg", "jpn", "aus",
    "nzl", "can", "mex", "chn", "rus", "ukr", "rou", "hun", "slo", "hrv", "srb", "irl", "lux", "mon", "mco",
    "est", "lva", "ltu", "ind", "tha", "col", "chi", "per", "uae", "zaf", "rsa", "isr", "tur", "gre",
])  # fmt: skip
