"""The world of the pocket model: cut-out photographs on painted places.

Every scene comes with its caption and the exact mask of each thing in it, so a
model trained on it can be measured without anyone labelling anything. A scene is
drawn from a random generator alone and at any size: the same generator state gives
the same scene at 128 and at 256 pixels.
"""
import argparse
import functools
import os
import re
from dataclasses import dataclass

import numpy as np
from PIL import Image, ImageDraw, ImageFilter

STAMPS = os.environ.get("STAMPS", "/usr/share/tuxpaint/stamps")
SIZE = 128

@dataclass(frozen=True)
class Cutout:
    """A file of the package tuxpaint-stamps-default; `turn` moves its hues on by a share of the
    colour circle."""
    path: str
    turn: float = 0.0


def cars(colour):
    """Both shapes come in every colour, so that the word must mean the colour."""
    beetle, sedan = {"red": (0.0, 0.4), "blue": (0.6, 0.0)}[colour]
    return [Cutout("vehicles/auto/beetle", beetle), Cutout("vehicles/auto/sedan", sedan)]


# What the caption says -> what may stand there.
THINGS = {
    "horse": [Cutout("animals/mammals/equines/horse")],
    "zebra": [Cutout("animals/mammals/equines/zebra")],
    "giraffe": [Cutout("animals/mammals/giraffe")],
    "elephant": [Cutout("animals/mammals/elephant")],
    "cow": [Cutout("animals/mammals/bovines/cow")],
    "tiger": [Cutout("animals/mammals/cats/tiger")],
    "sheep": [Cutout("animals/mammals/bovines/sheep"), Cutout("animals/mammals/bovines/ram")],
    "penguin": [Cutout("animals/birds/penguin"), Cutout("animals/birds/little-penguin")],
    "duck": [Cutout("animals/birds/duck")],
    "bear": [Cutout("animals/mammals/bears/bear")],
    "pig": [Cutout("animals/mammals/pig"), Cutout("animals/mammals/pig_golden")],
    "dog": [Cutout("animals/mammals/dogs/dog")],
    "rabbit": [Cutout("animals/mammals/rodents/rabbit-2"), Cutout("animals/mammals/rabbit_little")],
    "strawberry": [Cutout("food/fruit/Strawberry2")],
    "red apple": [Cutout("food/fruit/apple_red")],
    "green apple": [Cutout("food/fruit/apple_green")],
    "lemon": [Cutout("food/fruit/lemon")],
    "orange": [Cutout("food/fruit/mandarine"), Cutout("food/fruit/orange")],
    "pear": [Cutout("food/fruit/pear")],
    "tomato": [Cutout("food/vegetables/tomato")],
    "pumpkin": [Cutout("food/vegetables/pumpkin_small")],
    "red flower": [Cutout("plants/flowers/anemone_red"), Cutout("plants/flowers/rose")],
    "yellow flower": [Cutout("plants/flowers/yellow-flower"), Cutout("plants/flowers/flower2")],
    "red car": cars("red"),
    "blue car": cars("blue"),
    "truck": [Cutout("vehicles/auto/truck")],
    "bus": [Cutout("vehicles/masstransit/green_korean_bus")],
}

# Cut-outs that no training sees, to measure on.
UNSEEN = {
    "cow": [Cutout("animals/mammals/bovines/bull")],
    "sheep": [Cutout("animals/mammals/bovines/sheep_lamb")],
    "penguin": [Cutout("animals/birds/magellanic_penguin")],
    "duck": [Cutout("animals/birds/drake")],
    "bear": [Cutout("animals/mammals/bears/european-bear")],
    "pig": [Cutout("animals/mammals/pig_golden2")],
    "dog": [Cutout("animals/mammals/dogs/dingo")],
    "rabbit": [Cutout("animals/mammals/rodents/rabbit")],
    "red apple": [Cutout("food/fruit/apple_fuji")],
    "green apple": [Cutout("food/fruit/apple_granny_smith")],
    "orange": [Cutout("food/fruit/orange_seville")],
    "red flower": [Cutout("plants/flowers/red-gazania")],
    "yellow flower": [Cutout("plants/flowers/marigold")],
    "red car": [Cutout("vehicles/auto/sportscar2")],
}

# Plurals are three of a thing, close together.
GROUPS = {"strawberries": "strawberry", "apples": "red apple", "lemons": "lemon",
          "oranges": "orange"}

KINDS = list(THINGS) + list(GROUPS)

# The classic edits are drawn more often than the rest.
CLASSIC = {"horse", "zebra", "giraffe", "strawberries", "apples"}

# In a group the long stalk of the strawberry would leave little room for the fruit.
STALK = 0.36


@dataclass(frozen=True)
class Place:
    """Colours from the top of the sky to its foot, from the far ground to the near, the ground's
    texture, and the colour of the light on things."""
    phrase: str
    sky: tuple
    ground: tuple
    roughness: float
    grain: int
    light: tuple = (1, 1, 1)


PLACES = {
    "meadow": Place("on a meadow", ((110, 170, 235), (205, 228, 248)),
                    ((120, 165, 70), (60, 105, 40)), 55, 18),
    "beach": Place("on the beach", ((90, 165, 230), (40, 120, 185)),
                   ((238, 212, 160), (215, 185, 130)), 22, 20),
    "snow": Place("in the snow", ((150, 170, 195), (212, 222, 236)),
                  ((244, 247, 252), (222, 230, 241)), 14, 8),
    "desert": Place("in the desert", ((250, 195, 130), (250, 226, 185)),
                    ((222, 150, 85), (185, 108, 52)), 30, 7),
    "table": Place("on a table", ((235, 225, 208), (222, 210, 190)), ((152, 98, 58), (118, 70, 40)),
                   10, 4),
    "road": Place("on a road", ((140, 188, 232), (216, 230, 240)), ((122, 122, 127), (78, 78, 84)),
                  16, 20),
    "night": Place("at night", ((16, 20, 50), (58, 68, 112)), ((64, 72, 84), (38, 44, 58)), 14, 12,
                   (0.68, 0.74, 0.9)),
}


@dataclass
class Scene:
    picture: np.ndarray   # [size, size, 3], bytes
    caption: str
    masks: list           # one boolean [size, size] for each thing
    kinds: list
    place: str

    def mask(self):
        """Where anything stands."""
        return np.any(self.masks, axis=0)


def shifted(picture, turn, saturation):
    """The hues of an RGBA picture turned by a share of the colour circle, its colours made stronger
    or weaker."""
    hue, strength, value = picture.convert("RGB").convert("HSV").split()
    hue = hue.point([int(level + 256 * turn) % 256 for level in range(256)])
    strength = strength.point([min(255, int(level * saturation)) for level in range(256)])
    colours = Image.merge("HSV", (hue, strength, value)).convert("RGB")
    colours.putalpha(picture.getchannel("A"))
    return colours


@functools.cache
def load(cutout):
    """The cut-out without its transparent margin."""
    picture = Image.open(f"{STAMPS}/{cutout.path}.png").convert("RGBA")
    solid = picture.getchannel("A").point(lambda alpha: 255 * (alpha > 20))
    picture = picture.crop(solid.getbbox())
    picture.thumbnail((220, 220), Image.LANCZOS)
    return shifted(picture, cutout.turn, 1) if cutout.turn else picture


def without_stalk(picture):
    fruit = picture.crop((0, int(picture.height * STALK), picture.width, picture.height))
    return fruit.crop(fruit.getchannel("A").getbbox())


def smooth_noise(rng, cells, height, width):
    """Noise in -0.5 .. 0.5 that varies over 1/cells of the picture."""
    grid = Image.fromarray((rng.random((cells, cells)) * 255).astype(np.uint8))
    return np.asarray(grid.resize((width, height), Image.BICUBIC),
                      np.float32)[:, :, None] / 255 - 0.5


def gradient(top, bottom, height, width):
    share = np.linspace(0, 1, height, dtype=np.float32)[:, None, None]
    column = np.float32(top) * (1 - share) + np.float32(bottom) * share
    return np.repeat(column, width, axis=1)


def paint_place(name, rng, size):
    place = PLACES[name]
    horizon = int(size * rng.uniform(0.35, 0.6))
    colours = [np.clip(np.array(colour) + rng.normal(0, 12, 3), 0, 255) for colour in place.sky +
               place.ground]
    sky = gradient(colours[0], colours[1], horizon, size)
    sky += 18 * smooth_noise(rng, 5, horizon, size)
    ground = gradient(colours[2], colours[3], size - horizon, size)
    ground += place.roughness * smooth_noise(rng, place.grain, size - horizon, size)
    if name == "table":
        boards = rng.uniform(2, 4) * size / SIZE
        ground += 7 * np.sin(np.arange(size - horizon) / boards)[:, None, None]
    picture = np.clip(np.concatenate([sky, ground]), 0, 255).astype(np.uint8)
    return Image.fromarray(picture).filter(ImageFilter.GaussianBlur(0.6 * size / SIZE))


@dataclass
class Light:
    """How things look in one scene: factors of red, green and blue, of saturation, a turn of the
    hue, and the shadow."""
    colour: np.ndarray
    saturation: float
    turn: float
    shadow: int
    lean: float

    @classmethod
    def draw(cls, rng, place):
        colour = np.array(PLACES[place].light) * rng.uniform(0.86, 1.1) * rng.uniform(0.96, 1.04, 3)
        return cls(colour, rng.uniform(0.85, 1.15), rng.uniform(-0.015, 0.015),
                   int(rng.integers(60, 120)), rng.uniform(-0.15, 0.15))

    def on(self, thing):
        picture = shifted(thing, self.turn, self.saturation)
        bands = [band.point([min(255, int(level * factor)) for level in range(256)])
                 for band, factor in zip(picture.split(), self.colour)]
        return Image.merge("RGB", bands)


def drop_shadow(picture, x, foot, width, height, light):
    """A soft ellipse below the thing, a little to the side."""
    size = picture.width
    depth = max(2, height // 7)
    ellipse = Image.new("L", (width, depth), 0)
    ImageDraw.Draw(ellipse).ellipse([width * 0.08, 0, width * 0.92, depth], fill=light.shadow)
    shadow = Image.new("L", picture.size, 0)
    shadow.paste(ellipse, (x + int(light.lean * width), foot - depth // 2 - 2 * size // SIZE))
    shadow = shadow.filter(ImageFilter.GaussianBlur(size / 64))
    picture.paste((0, 0, 0), (0, 0), shadow)


def put(picture, mask, thing, length, centre, foot, flip, light):
    """Set a cut-out on the ground; all measures are shares of the picture's side."""
    size = picture.width
    scale = length * size / max(thing.size)
    thing = thing.resize((max(1, int(thing.width * scale)), max(1, int(thing.height * scale))),
                         Image.LANCZOS)
    if flip:
        thing = thing.transpose(Image.FLIP_LEFT_RIGHT)
    alpha = thing.getchannel("A")
    margin = 2 * size // SIZE
    x = int(np.clip(centre * size - thing.width / 2, -margin, size - thing.width + margin))
    y = int(np.clip(foot * size, thing.height, size)) - thing.height
    drop_shadow(picture, x, y + thing.height, thing.width, thing.height, light)
    picture.paste(light.on(thing), (x, y), alpha)
    mask.paste(alpha, (x, y), alpha)


def pick(kind, share, unseen):
    """One of the kind's cut-outs, by a number below 1."""
    choice = UNSEEN[kind] if unseen else THINGS[kind]
    return load(choice[int(share * len(choice))])


def put_group(picture, mask, kind, rng, light):
    """Two behind, one before them."""
    thing = pick(GROUPS[kind], rng.random(), False)
    if kind == "strawberries":
        thing = without_stalk(thing)
    centre, foot, length = rng.uniform(0.42, 0.58), rng.uniform(0.86, 0.96), rng.uniform(0.38, 0.46)
    for offset, behind in ((-0.24, True), (0.24, True), (0, False)):
        back = rng.uniform(0.02, 0.08) if behind else 0
        put(picture, mask, thing, length, centre + offset, foot - back, rng.random() < 0.5, light)


def put_thing(picture, mask, kind, rng, light, side, unseen):
    """`side` is None for a thing alone in the picture, else 0 for left and 1 for right."""
    thing = pick(kind, rng.random(), unseen)
    length = rng.uniform(0.64, 0.96) if side is None else rng.uniform(0.42, 0.52)
    low, high = {None: (0.36, 0.64), 0: (0.2, 0.3), 1: (0.7, 0.8)}[side]
    put(picture, mask, thing, length, rng.uniform(low, high), rng.uniform(0.80, 0.97),
        rng.random() < 0.5, light)


def with_article(kind):
    if kind in GROUPS:
        return kind
    return ("an " if kind[0] in "aeiou" else "a ") + kind


def caption(kinds, place, rng):
    """One of the forms that people write."""
    what = " and ".join(with_article(kind) for kind in kinds)
    form = rng.random()
    if form < 0.45:
        return f"{what} {PLACES[place].phrase}"
    if form < 0.57:
        return f"a {rng.choice(['photo', 'picture'])} of {what} {PLACES[place].phrase}"
    if form < 0.88:
        return what
    return f"{what} image" if form < 0.94 and len(kinds) == 1 else f"a photo of {what}"


def weight(kind):
    """How often a kind is drawn: every cut-out as often as any other, so that a kind of two looks
    is learned as well."""
    return len(THINGS.get(kind, [None])) * (1.5 if kind in CLASSIC else 1.0)


def choose_kinds(rng):
    weights = np.array([weight(kind) for kind in KINDS])
    kinds = [str(rng.choice(KINDS, p=weights / weights.sum()))]
    if kinds[0] not in GROUPS and rng.random() < 0.2:
        kinds.append(str(rng.choice([kind for kind in THINGS if kind != kinds[0]])))
    return kinds


def scene(rng, kinds=None, place=None, size=SIZE, unseen=False):
    """Draw a scene; what is not given is chosen at random. Given kind and place, every kind takes
    the same numbers from `rng`: another thing of one part stands in the same spot, in the same
    light."""
    place = place or str(rng.choice(list(PLACES)))
    kinds = kinds or choose_kinds(rng)
    picture = paint_place(place, rng, size)
    light = Light.draw(rng, place)
    masks = []
    for index, kind in enumerate(kinds):
        mask = Image.new("L", picture.size, 0)
        if kind in GROUPS:
            put_group(picture, mask, kind, rng, light)
        else:
            put_thing(picture, mask, kind, rng, light, index if len(kinds) > 1 else None, unseen)
        masks.append(np.asarray(mask) > 127)
    return Scene(np.array(picture), caption(kinds, place, rng), masks, kinds, place)


def words():
    """Every word that a caption can hold, sorted."""
    texts = KINDS + [place.phrase
                     for place in PLACES.values()] + ["a an and photo picture of image"]
    return sorted(set(re.findall("[a-z]+", " ".join(texts))))


def contact_sheet(rows=7, columns=10, seed=0):
    """First each kind once, then random scenes: to be looked at before training on them."""
    rng = np.random.default_rng(seed)
    sheet = Image.new("RGB", (SIZE * columns, SIZE * rows))
    for index in range(rows * columns):
        kinds = [KINDS[index]] if index < len(KINDS) else None
        tile = Image.fromarray(scene(rng, kinds).picture)
        sheet.paste(tile, (index % columns * SIZE, index // columns * SIZE))
    return sheet


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description="Write a contact sheet of scenes.")
    parser.add_argument("--sheet", required=True, help="the PNG to write")
    contact_sheet().save(parser.parse_args().sheet)
