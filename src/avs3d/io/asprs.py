"""The classes of ASPRS LAS, and which words mean them."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

UNCLASSIFIED = 1
_WORDS = {
    2: "ground, soil, dirt, gravel, sand, mud, terrain, field, earth, sidewalk, pavement, footpath,"
    " footway, path, curb, walkway, other ground, other flat, traffic island, snow",
    3: "grass, lawn, meadow, tall grass, low vegetation, flower, crop",
    4: "bush, shrub, hedge, vegetation, plant, medium vegetation",
    5: "tree, trunk, tree trunk, forest, wood, high vegetation, palm, palm tree",
    6: "building, house, garage, shed, facade, roof, church, hall, skyscraper, apartment building,"
    " tower block",
    9: "water, river, lake, pond, canal, sea, puddle, stream",
    10: "rail, rails, railway, rail track, railway track, railroad track, tram track, track",
    11: "road, street, roadway, asphalt, highway, road surface, drivable surface, parking,"
    " parking lot, parking space, lane, crosswalk, lane marking, road marking, bike lane",
    14: "wire, power line, cable, overhead line, conductor",
    15: "pylon, transmission tower, power pole, power tower",
    17: "bridge deck, bridge, overpass",
}
CLASSES = {word.strip(): code for code, words in _WORDS.items() for word in words.split(",")}


def classification(label: np.ndarray, words: Sequence[str]) -> np.ndarray:
    """(N,) uint8 LAS classes of labels; 1, unclassified, where there is none for the word."""
    codes = [CLASSES.get(word.lower(), UNCLASSIFIED) for word in words]
    codes.append(UNCLASSIFIED)  # of label -1
    found: np.ndarray = np.array(codes, np.uint8)[label]
    return found
