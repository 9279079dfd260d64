"""What is no timing though it looks like it: tables with ranks, names, scores, prices and times, made up."""

import json
import random
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from karttime.feeds.frame import Frame

START = 1_790_000_000_000
_NAMES = ("Ada Quill", "Ben Oakes", "Cleo Marsh", "Dov Linden", "Eve Harrow", "Fay Tolland", "Gus Pike", "Hal Brandt")
_WORDS = ("rain", "kart", "went", "round", "somebody", "said", "hello", "while", "it", "stands", "lap", "best", "gap")


def dumps(value: Any) -> str:
    return json.dumps(value, separators=(",", ":"))


def prose(rng: random.Random, words: int = 12) -> str:
    return " ".join(rng.choice(_WORDS) for _ in range(words)) + "."


def leaderboard(rng: random.Random) -> Iterator[str]:
    """A game: ranks, names and scores that rise."""
    scores = {name: rng.randrange(1000) for name in _NAMES}
    for _ in range(120):
        scores[rng.choice(_NAMES)] += rng.randrange(50)
        order = sorted(scores, key=lambda name: -scores[name])
        rows = [
            {
                "rank": n,
                "player": name,
                "score": scores[name],
                "level": scores[name] // 300,
                "id": f"p{len(name) * 7 + n}",
            }
            for n, name in enumerate(order, 1)
        ]
        yield dumps({"leaderboard": rows})


def football(rng: random.Random) -> Iterator[str]:
    """Scores of matches with a minute that counts up."""
    goals = [[0, 0] for _ in range(6)]
    for minute in range(90):
        goals[rng.randrange(6)][rng.randrange(2)] += rng.random() < 0.2
        rows = [
            {
                "id": 700 + n,
                "home": f"{_NAMES[n]} FC",
                "away": f"{_NAMES[n - 1]} United",
                "score": f"{h}-{a}",
                "minute": minute,
                "status": "LIVE",
            }
            for n, (h, a) in enumerate(goals)
        ]
        yield dumps({"matches": rows})


def league(rng: random.Random) -> Iterator[str]:
    """A table of a league: position, played, points, goal difference."""
    points = {name: rng.randrange(30) for name in _NAMES}
    for n in range(40):
        points[rng.choice(_NAMES)] += 3
        order = sorted(points, key=lambda name: -points[name])
        yield dumps(
            {
                "table": [
                    {
                        "pos": place,
                        "team": f"{name} FC",
                        "played": 20 + n // 4,
                        "won": points[name] // 3,
                        "gd": rng.randrange(-9, 20),
                        "pts": points[name],
                    }
                    for place, name in enumerate(order, 1)
                ]
            }
        )


def basketball(rng: random.Random) -> Iterator[str]:
    """A clock that counts down and players' points."""
    points = dict.fromkeys(_NAMES, 0)
    for second in range(720, 0, -6):
        points[rng.choice(_NAMES)] += 2
        players = [
            {
                "num": n * 3 + 4,
                "name": name,
                "pts": points[name],
                "reb": n,
                "min": f"{(720 - second) // 60}:{(720 - second) % 60:02d}",
            }
            for n, name in enumerate(_NAMES)
        ]
        yield dumps({"clock": f"{second // 60}:{second % 60:02d}", "period": 1, "players": players})


def ticker(rng: random.Random) -> Iterator[str]:
    """Trades of shares, one a message."""
    prices = {symbol: 50 + 40 * rng.random() for symbol in ("AAA", "BBB", "CCC", "DDD", "EEE")}
    for n in range(300):
        symbol = rng.choice(list(prices))
        prices[symbol] *= 1 + (rng.random() - 0.5) / 100
        yield dumps(
            {"s": symbol, "p": round(prices[symbol], 2), "v": rng.randrange(1, 900), "t": START + n * 400, "id": n}
        )


def coins(rng: random.Random) -> Iterator[str]:
    """Coins by rank with price, high, low and volume, as snapshots."""
    prices = {symbol: 10 ** rng.uniform(0, 4.6) for symbol in ("BTX", "ETX", "SOX", "ADX", "DOX", "XRX", "LTX", "UNX")}
    for _ in range(150):
        for symbol in prices:
            prices[symbol] *= 1 + (rng.random() - 0.5) / 200
        yield dumps(
            {
                "data": [
                    {
                        "rank": str(n),
                        "symbol": s,
                        "priceUsd": f"{prices[s]:.4f}",
                        "high": f"{prices[s] * 1.02:.3f}",
                        "low": f"{prices[s] * 0.98:.3f}",
                        "volumeUsd24Hr": f"{prices[s] * 1e6:.2f}",
                        "changePercent24Hr": f"{rng.uniform(-5, 5):.3f}",
                    }
                    for n, s in enumerate(sorted(prices, key=lambda one: -prices[one]), 1)
                ]
            }
        )


def exchange(rng: random.Random) -> Iterator[str]:
    """Prices in an order, last, best and behind the dearest, as long as laps in seconds, each second others."""
    prices = {
        symbol: rng.uniform(40, 900) for symbol in ("ABX", "CDY", "EFZ", "GHW", "IJV", "KLU", "MNT", "OPS", "QRR")
    }
    best = dict(prices)
    for _ in range(200):
        for symbol, price in prices.items():
            prices[symbol] = price * (1 + rng.gauss(0, 0.004))
            best[symbol] = min(best[symbol], prices[symbol])
        order = sorted(prices, key=lambda symbol: -prices[symbol])
        yield dumps(
            {
                "data": [
                    {
                        "rank": rank,
                        "id": symbol,
                        "name": f"{symbol} Works",
                        "last": round(prices[symbol], 2),
                        "best": round(best[symbol], 2),
                        "gap": round(prices[order[0]] - prices[symbol], 2),
                        "vol": 10_000 + rank,
                    }
                    for rank, symbol in enumerate(order, 1)
                ]
            }
        )


def orders(rng: random.Random) -> Iterator[str]:
    """An order book: lists of price and size."""
    middle = 58.4
    for n in range(200):
        middle += (rng.random() - 0.5) / 10
        sides = {
            side: [[f"{middle + sign * k / 100:.2f}", f"{rng.random() * 4:.3f}"] for k in range(1, 11)]
            for side, sign in (("bids", -1), ("asks", 1))
        }
        yield dumps({"stream": "x@depth10", "lastUpdateId": n, "data": sides})


def candles(rng: random.Random) -> Iterator[str]:
    """Open, high, low, close by time."""
    price = 61.5
    for n in range(200):
        price += rng.uniform(-0.4, 0.4)
        yield dumps(
            {
                "k": {
                    "t": START + n * 60_000,
                    "s": "EURX",
                    "o": f"{price:.3f}",
                    "h": f"{price + 0.2:.3f}",
                    "l": f"{price - 0.2:.3f}",
                    "c": f"{price + 0.05:.3f}",
                    "n": n,
                    "x": True,
                }
            }
        )


def chat(rng: random.Random) -> Iterator[str]:
    """A chat: who said what when."""
    for n in range(150):
        yield dumps(
            {
                "op": 0,
                "t": "MESSAGE_CREATE",
                "s": n,
                "d": {
                    "id": str(10**17 + n),
                    "author": {"username": rng.choice(_NAMES)},
                    "content": prose(rng),
                    "timestamp": f"2026-03-01T10:{n // 60:02d}:{n % 60:02d}.000Z",
                },
            }
        )


def irc(rng: random.Random) -> Iterator[str]:
    """The lines of a chat."""
    for n in range(150):
        yield "PING :x" if n % 20 == 0 else f":{rng.choice(_NAMES).split()[0]}!u@h PRIVMSG #kart :{prose(rng)}\r\n"


def log(rng: random.Random) -> Iterator[str]:
    """The log of a server: times, addresses, durations."""
    for n in range(300):
        at = f"2026-03-01T10:{n // 60:02d}:{n % 60:02d}.{rng.randrange(1000):03d}Z"
        yield f"{at} INFO worker-{rng.randrange(4)} GET /a/{rng.randrange(99)} 200 {rng.random() * 2:.3f}s\n"


def weather(rng: random.Random) -> Iterator[str]:
    """Stations with temperatures."""
    for _ in range(100):
        yield dumps(
            {
                "stations": [
                    {
                        "id": n,
                        "name": f"Hill {n}",
                        "temp": round(15 + rng.random() * 9, 1),
                        "wind": round(rng.random() * 9, 1),
                        "humidity": rng.randrange(30, 90),
                    }
                    for n in range(9)
                ]
            }
        )


def positions(rng: random.Random) -> Iterator[str]:
    """Vehicles on a map."""
    spots = [[50 + rng.random(), 7 + rng.random()] for _ in range(8)]
    for n in range(200):
        for spot in spots:
            spot[0] += rng.uniform(-1, 1) / 1000
        yield dumps(
            {
                "ts": START + n * 500,
                "vehicles": [
                    {
                        "id": f"v{k}",
                        "lat": round(a, 5),
                        "lon": round(b, 5),
                        "speed": rng.randrange(90),
                        "heading": rng.randrange(360),
                    }
                    for k, (a, b) in enumerate(spots)
                ],
            }
        )


def sensors(rng: random.Random) -> Iterator[str]:
    """Topics and values of a house."""
    for _ in range(300):
        yield dumps(
            {
                "topic": f"house/{rng.choice(('kitchen', 'attic', 'hall'))}/temperature",
                "payload": str(round(18 + rng.random() * 4, 2)),
            }
        )


def products(rng: random.Random) -> Iterator[str]:
    """A page with a table of products."""
    rows = "".join(
        f"<tr><td>{n}</td><td>Kart part {n}</td><td>{rng.uniform(10, 90):.2f}</td><td>{rng.randrange(40)}</td></tr>"
        for n in range(1, 12)
    )
    for _ in range(20):
        heads = "<tr><th>#</th><th>Article</th><th>Price</th><th>Stock</th></tr>"
        yield f"<html><body><table>{heads}{rows}</table></body></html>"


def page(rng: random.Random) -> Iterator[str]:
    """A page of text."""
    yield f"<!DOCTYPE html><html><head><title>Karting</title></head><body><p>{prose(rng, 60)}</p></body></html>"


def sitemap(rng: random.Random) -> Iterator[str]:
    """Addresses with priorities."""
    urls = "".join(
        f"<url><loc>https://example.org/{n}</loc><lastmod>2026-0{rng.randrange(1, 9)}-11</lastmod>"
        f"<priority>0.{rng.randrange(1, 9)}</priority></url>"
        for n in range(30)
    )
    for _ in range(3):
        yield f'<?xml version="1.0"?><urlset>{urls}</urlset>'


def swimming(rng: random.Random) -> Iterator[str]:
    """Results of heats: place, lane, name, one time; nobody drives laps."""
    for heat in range(12):
        times = sorted(round(24 + rng.random() * 4, 2) for _ in _NAMES)
        order = rng.sample(_NAMES, len(_NAMES))
        yield dumps(
            {
                "heat": heat + 1,
                "results": [
                    {"place": n, "lane": rng.randrange(1, 9), "swimmer": name, "time": f"{t:.2f}"}
                    for n, (name, t) in enumerate(zip(order, times, strict=True), 1)
                ],
            }
        )


def music(rng: random.Random) -> Iterator[str]:
    """A chart of songs: position, last week, best position, length as minutes and seconds."""
    songs = [(f"{_WORDS[n]} song", f"{2 + n % 3}:{rng.randrange(60):02d}", rng.randrange(10**6)) for n in range(10)]
    for _ in range(30):
        rng.shuffle(songs)
        yield dumps(
            {
                "chart": [
                    {
                        "position": n,
                        "title": title,
                        "duration": length,
                        "plays": plays,
                        "lastWeek": rng.randrange(1, 20),
                    }
                    for n, (title, length, plays) in enumerate(songs, 1)
                ]
            }
        )


def departures(rng: random.Random) -> Iterator[str]:
    """Trains: number, platform, planned time, delay."""
    for n in range(60):
        yield dumps(
            {
                "departures": [
                    {
                        "line": f"RE{k}",
                        "no": 100 + k,
                        "platform": k % 6 + 1,
                        "time": f"{8 + (n + k) // 60:02d}:{(n + 3 * k) % 60:02d}",
                        "delay": rng.randrange(9),
                        "to": _NAMES[k % 8],
                    }
                    for k in range(9)
                ]
            }
        )


def servers(rng: random.Random) -> Iterator[str]:
    """Machines with loads and uptimes that count up."""
    for n in range(120):
        yield dumps(
            [
                {
                    "host": f"web-{k}",
                    "cpu": round(rng.random() * 100, 1),
                    "mem": rng.randrange(99),
                    "uptime": 1000 * k + n,
                    "requests": n * 7 + k,
                }
                for k in range(8)
            ]
        )


def auction(rng: random.Random) -> Iterator[str]:
    """Bids by rank, with seconds left."""
    bids = {name: 100 + rng.randrange(50) for name in _NAMES}
    for left in range(200, 0, -1):
        bids[rng.choice(_NAMES)] += rng.randrange(1, 20)
        order = sorted(bids, key=lambda name: -bids[name])
        yield dumps(
            {
                "left": left,
                "bids": [
                    {"rank": n, "bidder": name, "amount": bids[name], "behind": bids[order[0]] - bids[name]}
                    for n, name in enumerate(order, 1)
                ],
            }
        )


STRANGERS: Mapping[str, Any] = {
    tell.__name__: tell
    for tell in (
        leaderboard,
        football,
        league,
        basketball,
        ticker,
        coins,
        exchange,
        orders,
        candles,
        chat,
        irc,
        log,
        weather,
        positions,
        sensors,
        products,
        page,
        sitemap,
        swimming,
        music,
        departures,
        servers,
        auction,
    )
}


def frames(name: str, seed: int = 3) -> Sequence[Frame]:
    """A recording of something that is no timing."""
    return [Frame(START + 1500 * n, text) for n, text in enumerate(STRANGERS[name](random.Random(seed)))]
