"""The pictures of the documents can be drawn again, and show what they are said to show."""

import numpy as np
import pandas as pd
import pytest
from PIL import Image

from docs.pictures import architecture, photographs, remedies, samplers
from rarepix.data.inventory import take_inventory
from rarepix.data.sources import open_source
from tests.house.test_rooms import ROOMS


@pytest.fixture(scope="module")
def root(tmp_path_factory):
    return photographs.write(tmp_path_factory.mktemp("photographs"))


def test_the_photographs_hold_what_a_person_sees(root):
    source = open_source("voc", root)
    counts = take_inventory(source.items("train"), source.labels)
    shares = counts[[*source.labels.names]].div(counts["height"] * counts["width"], axis=0).round(1)
    assert shares.loc["china"].to_dict() == {"background": 0.5, "pagoda": 0.2, "tree": 0.3, "blossom": 0.0}
    assert shares.loc["flower"].to_dict() == {"background": 0.8, "pagoda": 0.0, "tree": 0.0, "blossom": 0.2}


def test_every_remedy_has_its_row(root, tmp_path):
    remedies.draw(root, tmp_path / "remedies.png")
    with Image.open(tmp_path / "remedies.png") as drawn:
        pixels = np.asarray(drawn.convert("RGB"))
    assert pixels.shape[1] > remedies.TIMES * remedies.SIZE[1]
    white = (pixels == 255).all(axis=(1, 2))
    edges = np.flatnonzero(np.diff(white.astype(int)) == 1)
    assert len(edges) >= len(remedies.REMEDIES)  # bands of pictures, between them paper


def test_no_two_tiles_of_a_remedy_are_alike(root):
    for row in remedies.rows(open_source("voc", root)):
        assert len({tile.pixels.tobytes() for tile in row}) == remedies.TIMES, row[0].caption


def test_what_a_sampling_shows_worked_by_hand():
    counts = pd.DataFrame({"road": [9, 9, 9, 9], "sign": [0, 0, 0, 4]})
    table = samplers.shown(counts)
    assert table.columns.tolist() == ["sign", "road"]
    assert table.loc["uniform"].tolist() == [0.25, 1.0]
    assert table.loc["class_uniform"].tolist() == pytest.approx([0.5 + 0.5 / 4, 1.0])


def test_the_architecture_shows_the_rooms_in_their_order(tmp_path):
    files = ("__main__", "search", ".".join(architecture.SHARED))  # single files beside the rooms
    rooms = {room: place for room, place in ROOMS.items() if place[0] > 1 and room not in files}
    shown = [room for _, members in architecture.FLOORS for room in members]
    assert sorted(shown) == sorted(rooms)
    assert [rooms[room][0] for room in shown] == sorted((floor for floor, _ in rooms.values()), reverse=True)
    for _, members in architecture.FLOORS:
        places = [rooms[room][1] for room in members]
        assert places == sorted(places, reverse=True)  # what imports stands left of what it imports
    architecture.draw(tmp_path / "architecture.png")
    assert (tmp_path / "architecture.png").stat().st_size > 10_000
