"""The film's eight scenes.

A scene is a function that prepares what does not change and returns another, which draws one
moment.
"""

from collections.abc import Callable
from typing import TypeAlias

import numpy as np
import numpy.typing as npt
from brushes import (
    Floats,
    H,
    Picture,
    W,
    X,
    Y,
    below,
    blend,
    disc,
    glow,
    gradient,
    mix,
    rgb,
    ridge,
)  # fmt: skip

__all__ = ["FPS", "SCENES", "Draw"]

FPS = 24

Draw: TypeAlias = Callable[[float], Picture]
"""From seconds into the scene to the picture of that moment."""


def sunrise(length: float) -> Draw:
    """The sun rises over hills that pass by."""
    rng = np.random.default_rng(1)
    width = W + int(length * FPS) * 3
    night = [rgb("1b2145"), rgb("46386b"), rgb("c05c63"), rgb("f2a65e")]
    day = [rgb("4a8fd0"), rgb("8cc3ea"), rgb("ffe0ae"), rgb("fff0cf")]
    hills = []
    for base, swing, wave, firs, least in (
        (205, 13, 170, 0, 0),
        (235, 11, 110, 0, 0),
        (268, 9, 80, width // 18, 14),
        (318, 5, 60, width // 30, 28),
    ):
        line = ridge(rng, width, base, swing, wave)
        x = np.arange(width)
        for at in rng.uniform(0, width, firs):
            tall = rng.uniform(least, 2 * least)
            near = np.abs(x - at) < tall
            tree = line[int(at)] - tall + np.abs(x[near] - at) * 3.2
            line[near] = np.minimum(line[near], tree)
        top = int(line.min()) - 1
        hills.append((top, below(line, top)))
    dark = [rgb("5b4a78"), rgb("443c69"), rgb("2b2d52"), rgb("14183a")]
    light = [rgb("9fb6cc"), rgb("6d9bb0"), rgb("3f7c74"), rgb("1d4b47")]

    def draw(t: float) -> Picture:
        share = t / length
        picture = gradient(*(mix(a, b, share) for a, b in zip(night, day, strict=True)))
        x, y = 250 + 180 * share, 250 - 190 * share
        glow(picture, x, y, 120, rgb("ffb060") * np.float32(0.45))
        disc(picture, x, y, 30, mix(rgb("ffcf70"), rgb("fff6d8"), share), 2)
        for speed, (top, alpha) in enumerate(hills):
            at = round(t * FPS) * speed
            colour = mix(dark[speed], light[speed], share)
            blend(picture[top:], alpha[:, at : at + W], colour)
        return picture

    return draw


def balls(_: float) -> Draw:
    """Glossy balls bounce on a pale floor."""
    room = gradient(rgb("fdf3e3"), rgb("f8dcc4"), rgb("f3c5ad"), rgb("dba091"))
    room[272:] = gradient(rgb("e9b7a2"), rgb("cf8f86"))[:: H // (H - 272)][: H - 272]
    colours = ["e4572e", "17bebb", "ffc914", "2e86ab", "76b041", "a23b72", "f18f01", "5f4bb6"]
    rng = np.random.default_rng(2)
    kinds = [
        (rgb(c), rng.uniform(24, 46), rng.uniform(0, 1200), rng.uniform(60, 150), rng.uniform(0, 3))
        for c in colours
    ]

    def draw(t: float) -> Picture:
        picture = room.copy()
        placed = []
        for depth, (colour, r, x0, vx, phase) in enumerate(kinds):
            span = W - 2 * r
            x = r + abs((x0 + vx * t) % (2 * span) - span)
            beat = (t * (1.25 - r / 120) + phase) % 1
            placed.append(
                (x, 290 + depth * 7 - r - (4 * beat * (1 - beat)) * 190, r, colour, depth)
            )
        for x, y, r, _, depth in placed:  # shadows first
            floor = 290 + depth * 7
            wide = r * (1.1 - (floor - r - y) / 420)
            fall = np.hypot((X - x) / wide, (Y[floor - 14 : floor + 14] - floor) / (wide * 0.22))
            blend(picture[floor - 14 : floor + 14], np.clip(1.1 - fall, 0, 0.35), rgb("7a3b3b"))
        for x, y, r, colour, _ in placed:
            disc(picture, x, y, r, colour * np.float32(0.7))
            disc(picture, x - r * 0.1, y - r * 0.12, r * 0.66, colour, r * 0.4)
            disc(picture, x - r * 0.32, y - r * 0.38, r * 0.2, rgb("ffffff"), r * 0.3)
        return picture

    return draw


def plasma(_: float) -> Draw:
    """Slow waves of colour."""
    at = np.linspace(0, 1, 257)[:-1]
    stops = np.stack([rgb(c) for c in ("0b1d51", "7a1fa2", "ff4f79", "ffb347", "2ec4b6", "0b1d51")])
    where = np.linspace(0, 1, len(stops))
    palette = np.stack([np.interp(at, where, stops[:, c]) for c in range(3)], -1).astype(np.float32)
    across: npt.NDArray[np.intp] = (X + Y).astype(np.intp)
    away: npt.NDArray[np.intp] = np.hypot(X - W / 2, Y - H / 2).astype(np.intp)
    line: Floats = np.arange(W + H, dtype=np.float32)

    def draw(t: float) -> Picture:
        field = np.sin(X / 62 + t) + np.sin(Y / 41 - t * 0.7)
        field = field + np.sin(line / 73 + t * 0.9).take(across)
        field = field + np.sin(line / 38 - t * 1.4).take(away)
        return palette.take((field * 30 + 128 + t * 14).astype(np.intp) & 255, axis=0)

    return draw


def wheel(_: float) -> Draw:
    """A fairground wheel turns at dusk."""
    cx, cy, r = W * 0.56, 166.0, 132.0
    sky = gradient(rgb("141a46"), rgb("3b2a6b"), rgb("a8496f"), rgb("f79d65"))
    rng = np.random.default_rng(4)
    for x, y in zip(rng.uniform(0, W, 70), rng.uniform(0, 150, 70), strict=True):
        disc(sky, x, y, 0.6, rgb("ffffff") * np.float32(rng.uniform(0.5, 1)))
    ground = ridge(rng, W, 318, 5, 70)
    for side in (-1, 1):  # the legs
        slope = side * 70 / (318 - cy)
        leg = np.clip(4 - np.abs(X - cx - (Y - cy) * slope), 0, 1) * (cy < Y)
        blend(sky, leg.astype(np.float32), rgb("20163f"))
    blend(sky, below(ground), rgb("1a1238"))
    away = np.hypot(X - cx, Y - cy)
    steps = 3600
    angle = (np.arctan2(Y - cy, X - cx) / (2 * np.pi) % 1 * steps).astype(np.intp)
    turn = np.arange(steps) / steps * 12 % 1
    hue = np.arange(steps) / steps
    colours = np.stack(
        [180 + 75 * np.cos(2 * np.pi * (hue + shift)) for shift in (0, 0.33, 0.66)], -1
    ).astype(np.float32)
    spokes: Floats = (np.minimum(turn, 1 - turn) / 12 * 2 * np.pi).astype(np.float32)
    glass = np.clip(r - 6 - away, 0, 1) * np.clip(away - 30, 0, 1) * np.float32(0.42)
    rims = np.clip(2.2 - np.abs(away - r), 0, 1) + np.clip(1.7 - np.abs(away - r * 0.62), 0, 1)
    bounds = slice(int(cy - r - 4), int(cy + r + 4)), slice(int(cx - r - 4), int(cx + r + 4))
    away, angle, glass, rims = away[bounds], angle[bounds], glass[bounds], rims[bounds]
    inside = away < r

    def draw(t: float) -> Picture:
        picture = sky.copy()
        turned = (angle - int(t * steps / 22)) % steps
        view = picture[bounds]
        view += glass[..., None] * (colours.take(turned, axis=0) - view)
        bar = np.clip(2.1 - spokes.take(turned) * away, 0, 1) * inside
        blend(view, np.clip(bar + rims, 0, 1), rgb("fff3dd"))
        disc(picture, cx, cy, 13, rgb("ffd166"))
        for k in range(12):
            a = 2 * np.pi * (k / 12 + t / 22)
            x, y = cx + r * np.cos(a), cy + r * np.sin(a)
            glow(picture, x, y + 6, 12, colours[k * 300] * np.float32(0.25))
            disc(picture, x, y + 7, 10.5, rgb("20163f"))
            disc(picture, x, y + 7, 8.5, colours[k * 300])
        return picture

    return draw


def city(length: float) -> Draw:
    """A ride past a city at night."""
    rng = np.random.default_rng(5)
    sky = gradient(rgb("050816"), rgb("101b45"), rgb("3a2f73"), rgb("b0577f"))
    for x, y in zip(rng.uniform(0, W, 120), rng.uniform(0, 190, 120), strict=True):
        disc(sky, x, y, 0.6, rgb("ffffff") * np.float32(rng.uniform(0.4, 1)))
    glow(sky, 500, 74, 50, rgb("8090c0") * np.float32(0.5))
    whole, shadow = np.hypot(X - 500, Y - 74), np.hypot(X - 510, Y - 67)
    blend(sky, np.clip(26 - whole, 0, 1) * np.clip(shadow - 24, 0, 1), rgb("f6f1dc"))
    layers = []
    looks = [("2c2a63", 150, 40, 0.12), ("1a1d4a", 110, 55, 0.4), ("0b0e28", 70, 70, 0.55)]
    for depth, (colour, tall, wide, lit) in enumerate(looks):
        width = W + int(length * FPS) * (depth + 1)
        strip = np.zeros((H, width, 3), np.float32)
        solid = np.zeros((H, width), np.float32)
        x = 0
        while x < width:
            across = int(rng.uniform(0.5, 1.2) * wide)
            top = int(250 + depth * 22 - rng.uniform(0.25, 1) * tall)
            strip[top:, x : x + across] = rgb(colour)
            solid[top:, x : x + across] = 1
            step = 6 + 2 * depth
            for row in range(top + 6, 306, step + 2):
                for column in range(x + 5, min(x + across, width) - 5, step):
                    if rng.random() < lit:
                        warm = mix(rgb("ffd27d"), rgb("9be7ff"), float(rng.integers(5) == 0))
                        strip[row : row + step // 2, column : column + step // 2] = warm
            x += across + int(rng.uniform(0, 8))
        layers.append((strip, solid[..., None]))
    road = gradient(rgb("1b1d33"), rgb("090a16"))[: H - 318]
    cars = [(rng.uniform(0, 900), rng.uniform(150, 260), k % 2) for k in range(12)]

    def draw(t: float) -> Picture:
        picture = sky.copy()
        for depth, (strip, solid) in enumerate(layers):
            at = round(t * FPS) * (depth + 1)
            part = picture[90:318]
            part += solid[90:318, at : at + W] * (strip[90:318, at : at + W] - part)
        picture[318:] = road
        for x0, speed, away in cars:
            x = (x0 + (-speed if away else speed * 0.6) * t) % 900 - 100
            y = 345.0 if away else 330.0
            glow(picture, x, y, 16, rgb("ff3b3b" if away else "fff0c0") * np.float32(0.45))
            disc(picture, x, y, 2.6, rgb("ff7b6b" if away else "fffbe8"))
        return picture

    return draw


def sea(length: float) -> Draw:
    """A boat crosses a sea of even waves."""
    sky = gradient(rgb("3f8fb5"), rgb("8fd0d6"), rgb("ffe8bf"), rgb("ffc48f"))
    glow(sky, 440, 150, 90, rgb("ffb870") * np.float32(0.5))
    disc(sky, 440, 150, 34, rgb("fff4d2"), 2)
    shades = ["4fb3bf", "3a9fb3", "2a87a3", "1f6f90", "17577a", "0f4162"]

    def swell(layer: int, t: float, x: Floats) -> Floats:
        tall = 3 + layer * 1.7
        wave = np.sin(x / (38 + 13 * layer) + t * (1.1 + 0.12 * layer) * (-1) ** layer + layer)
        ripple = np.sin(x / (17 + 5 * layer) - t * 1.7 + 2 * layer) * 0.35
        return np.asarray(176 + layer * 30 - tall * (wave + ripple), np.float32)

    def boat(picture: Picture, x: float, y: float, tilt: float) -> None:
        left, right, top, bottom = int(x) - 60, int(x) + 60, int(y) - 96, int(y) + 26
        left_in, right_in = max(left, 0), min(right, W)
        if left_in >= right_in:
            return
        view = picture[top:bottom, left_in:right_in]
        dx, dy = X[:, left_in:right_in] - x, Y[top:bottom] - y
        u, v = dx + dy * tilt, dy - dx * tilt
        hull = np.minimum(np.minimum(v + 8, 16 - v), 50 - np.abs(u) - np.maximum(v, -8) * 0.9)
        main = np.minimum(np.minimum(u - 2, -12 - v), 42 - u + (v + 12) * 0.55)
        jib = np.minimum(np.minimum(-2 - u, -14 - v), 34 + u + (v + 12) * 0.5)
        mast = np.minimum(1.5 - np.abs(u), np.minimum(v + 92, 0 - v))
        for shape, colour in (
            (mast, "5c3d2e"),
            (main, "fffaf0"),
            (jib, "f9d9c0"),
            (hull, "c8553d"),
        ):
            blend(view, np.clip(shape + 0.5, 0, 1), rgb(colour))

    def draw(t: float) -> Picture:
        picture = sky.copy()
        for layer, shade in enumerate(shades):
            if shade == shades[len(shades) // 2]:  # the boat is between the waves
                x = -40 + (W + 80) * t / length
                here, there = swell(2, t, np.array([x - 20, x + 20], np.float32))
                boat(picture, x, float(here + there) / 2 - 2, float(there - here) / 40)
            line = swell(layer, t, X[0])
            top = int(line.min()) - 1
            foam = np.clip(1 - np.abs(Y[top : top + 40] - line[None] - 1) / 1.4, 0, 0.5)
            blend(picture[top:], below(line, top), rgb(shade))
            blend(picture[top : top + 40], foam[: H - top], rgb("e9fbff"))
        return picture

    return draw


def tunnel(_: float) -> Draw:
    """A flight through a tiled tunnel."""
    dx, dy = X - W / 2, Y - H / 2
    away = np.maximum(np.hypot(dx, dy), 4)
    around = (np.arctan2(dy, dx) / (2 * np.pi) % 1 * 4096).astype(np.intp)
    deep = (36000 / away).astype(np.intp)
    shade = np.clip((away - 14) / 190, 0, 1)[..., None].astype(np.float32)
    v, u = np.mgrid[0:1024, 0:1024].astype(np.float32) / 4
    edge = np.minimum(np.minimum(u % 64, 63 - u % 64), np.minimum(v % 64, 63 - v % 64))
    tile: Floats = np.clip(edge / 5, 0, 1)[..., None]
    which = ((u // 64 + v // 64 * 3) % 5).astype(np.intp)
    colours = np.stack([rgb(c) for c in ("ef476f", "ffd166", "06d6a0", "118ab2", "8338ec")])
    texture = (
        (tile * colours.take(which, axis=0) + (1 - tile) * rgb("14213d"))
        .reshape(-1, 3)
        .astype(np.float32)
    )

    def draw(t: float) -> Picture:
        row = (deep + int(t * 440)) & 1023
        column = (around + int(t * 160 + 360 * np.sin(t * 0.5))) & 1023
        picture: Picture = texture.take(row << 10 | column, axis=0) * shade
        return picture

    return draw


def planet(length: float) -> Draw:
    """A planet turns; stars pass, and a moon goes around it."""
    rng = np.random.default_rng(8)
    space = gradient(rgb("03040d"), rgb("0a0d26"), rgb("140f2e"))
    glow(space, 120, 90, 120, rgb("3a1f6b") * np.float32(0.5))
    glow(space, 560, 300, 130, rgb("0f4c5c") * np.float32(0.6))
    stars = [(rng.uniform(0, W), rng.uniform(0, H), rng.uniform(4, 22)) for _ in range(130)]
    cx, cy, r = 350.0, 172.0, 118
    py, px = np.mgrid[-r : r + 1, -r : r + 1].astype(np.float32)
    z = np.sqrt(np.clip(r * r - px * px - py * py, 0, None)) / r
    lat = (np.arcsin(np.clip(py / r, -1, 1)) / np.pi * 254 + 127).astype(np.intp)
    lon = (np.arctan2(px / r, z) / (2 * np.pi) * 1024).astype(np.intp)
    v = np.arange(256, dtype=np.float32)[:, None] / 255
    u = np.arange(1024, dtype=np.float32)[None, :] / 1024 * 2 * np.pi
    stir = 0.02 * np.sin(3 * u + 9 * v) + 0.012 * np.sin(8 * u - 25 * v)
    band = 0.5 + 0.5 * np.sin((v + stir) * 34) * np.cos((v + stir) * 9)
    storm = np.exp(-(((v - 0.63) / 0.05) ** 2) - (((u - 3) / 0.3) ** 2))
    stops = np.stack([rgb(c) for c in ("7b3f2a", "c97b4a", "f3d3a2", "fff1d6")])
    where = np.linspace(0, 1, len(stops))
    surface = np.stack([np.interp(band, where, stops[:, c]) for c in range(3)], -1)
    surface += storm[..., None] * (rgb("c8442c") - surface) * 0.85
    surface = surface.astype(np.float32)
    sun = np.clip((-0.62 * px - 0.38 * py) / r + 0.69 * z, 0.03, 1)[..., None]
    edge = np.clip(r - np.hypot(px, py), 0, 1)[..., None]

    def moon(picture: Picture, t: float, *, near: bool) -> None:
        a = 2 * np.pi * t / length * 1.5 + 0.6
        if (np.sin(a) > 0) == near:
            x, y = cx + 215 * np.cos(a), cy + 46 * np.sin(a)
            disc(picture, x, y, 15, rgb("4a4e69"))
            disc(picture, x - 4, y - 3, 11.5, rgb("c9cbe0"), 7)

    def draw(t: float) -> Picture:
        picture = space.copy()
        for x, y, speed in stars:
            disc(picture, (x - speed * t) % W, y, speed / 20, rgb("e8ecff"))
        glow(picture, cx, cy, 112, rgb("ffb27a") * np.float32(0.16))
        moon(picture, t, near=False)
        view = picture[int(cy) - r : int(cy) + r + 1, int(cx) - r : int(cx) + r + 1]
        view += edge * (surface[lat, (lon - int(t * 34)) & 1023] * sun - view)
        moon(picture, t, near=True)
        return picture

    return draw


SCENES: tuple[tuple[int, Callable[[float], Draw]], ...] = (
    (14, sunrise),
    (16, balls),
    (13, plasma),
    (17, wheel),
    (15, city),
    (14, sea),
    (14, tunnel),
    (17, planet),
)
"""Seconds and scene."""
