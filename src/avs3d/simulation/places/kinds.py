"""The kinds of places that a world can be, as data: how often, how wide, how green, how busy."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

Range = tuple[float, float]


@dataclass(frozen=True)
class Place:
    """One kind of place. Words in a string are drawn from with equal chances; "_" is nothing.

    Attributes:
        share: how often, relative to the others.
        lanes, lane: number of lanes, width of one in metres.
        road: surfaces of the carriageway.
        ruts: chance of wheel tracks; ragged: metres by which its edges wander.
        crossing, marked, median: chances of a crossing road, of paint, of a long median.
        paved: chance that a side has a sidewalk or kerb; flush: that it is as low as the road.
        strip: chance of a lawn between kerb and sidewalk; walk, walked: its width, its chance.
        parked, bays: chances of cars along the kerb, of marked bays.
        verge: metres of grass beside a road without sidewalk; shoulder: chance of gravel first.
        outer: surfaces beyond; relief: forms of the land there; steep: their size.
        hills: metres of the waves of the land; paths: footpaths over lawns, on average.
        houses, built, setback: kinds of buildings, share of the front they take, metres behind it.
        edge: what runs along the front; trees, furniture, people, traffic, rough: densities.
        vehicles: drawn from besides the usual traffic; near: what stands near the road here.
        growth: what is scattered off the road, with how many.
        sites: functions of `SITES`, and their chances.
        robot: chance that a low sensor stands anywhere near instead of on the road.
        held_out: for validation only.
    """

    share: float
    lanes: tuple[int, ...] = (1, 2, 2)
    lane: Range = (2.7, 3.8)
    road: str = "road"
    ruts: float = 0.0
    ragged: float = 0.0
    crossing: float = 0.5
    marked: float = 0.85
    median: float = 0.0
    paved: float = 1.0
    flush: float = 0.35
    strip: float = 0.4
    walk: Range = (1.2, 3.0)
    walked: float = 0.9
    parked: float = 0.4
    bays: float = 0.2
    verge: Range = (1.0, 6.0)
    shoulder: float = 0.4
    outer: str = "grass"
    relief: str = "flat flat flat rise fall"
    steep: float = 1.0
    hills: float = 0.03
    paths: float = 0.0
    houses: str = ""
    built: float = 1.0
    setback: Range = (2.0, 10.0)
    edge: str = "_"
    trees: float = 0.8
    furniture: float = 0.6
    people: float = 0.6
    traffic: float = 0.7
    rough: float = 0.4
    vehicles: str = ""
    near: str = ""
    growth: Mapping[str, float] = field(default_factory=dict)
    sites: Mapping[str, float] = field(default_factory=dict)
    robot: float = 0.5
    held_out: bool = False


_TOWN = "person person bicycle bench trash_can planter bicycle_rack parking_meter mailbox "
_GARDEN = "fence fence fence hedge hedge hedge wall bush _ _"
_WILD = "fence fence _ _ _"
_RANK = {"bush": 18, "tall grass": 30, "rock": 5, "fern": 12, "broadleaf": 7}

PLACES: dict[str, Place] = {
    "downtown": Place(
        8, lanes=(2, 3, 4, 4), walk=(2.5, 6), strip=0.2, parked=0.35, outer="sidewalk",
        houses="block block tower", relief="flat", setback=(0.1, 4), trees=0.5, furniture=1.2,
        people=1.9,
        traffic=1.4, rough=0.0, vehicles="bus bus rickshaw",
        near=_TOWN + "kiosk phone_booth group statue kick_scooter", sites={"arcade": 0.45,
        "towers": 0.9, "square": 0.15, "scaffold": 0.25},
    ),
    "city": Place(
        13, lanes=(1, 2, 2, 3, 4), road="road road road road road cobbles", walk=(2, 6), strip=0.25,
        parked=0.75, outer="sidewalk sidewalk lot grass", relief="flat", houses="block",
        setback=(0.1, 2), edge="_ _ _ _ _ fence hedge wall", trees=0.5, people=1.5, traffic=1.0,
        furniture=1.0, rough=0.1, near=_TOWN + "kick_scooter phone_booth group dumpster stroller",
        sites={"car park": 0.2, "scaffold": 0.2, "arcade": 0.1},
    ),
    "old town": Place(
        5, lanes=(1, 1, 2), lane=(2.4, 3.2), road="cobbles cobbles cobbles road", walk=(0.8, 2.2),
        flush=0.6, strip=0.05, parked=0.4, bays=0.1, marked=0.25, outer="sidewalk slab_walk",
        relief="flat", hills=0.1, houses="block block house", setback=(0.0, 0.4), trees=0.2,
        people=1.6, traffic=0.4, furniture=0.8, rough=0.0, vehicles="rickshaw golf_cart",
        near=_TOWN + "fountain statue parasol planter stairs chair group horse",
        sites={"square": 0.12, "scaffold": 0.25, "cafe": 0.5},
    ),
    "residential": Place(
        16, paths=0.25, houses="house", parked=0.6, edge=_GARDEN, strip=0.45, setback=(2, 10),
        trees=1.0, people=0.8, relief="flat flat flat flat rise rise fall terrace", rough=0.5,
        outer="grass grass grass grass grass soil",
        near="person stroller mailbox bicycle trash_can boat gate wheelchair dog",
        sites={"car park": 0.12, "scaffold": 0.1, "play": 0.1},
    ),
    "suburb": Place(
        11, paths=0.25, lanes=(2, 2, 1), lane=(3.0, 4.5), houses="house", walked=0.55, paved=0.85,
        strip=0.65, walk=(1.2, 1.8), setback=(5, 16), edge="_ _ _ _ fence hedge", parked=0.3,
        bays=0.0, marked=0.4, verge=(1.5, 5), trees=1.1, people=0.5, traffic=0.5, outer="grass",
        robot=0.6, relief="flat flat rise rise fall", vehicles="pickup_truck pickup_truck",
        near="mailbox mailbox fire_hydrant boat trailer dog person stroller playground deer",
        sites={"play": 0.15, "power line": 0.15},
    ),
    "hillside": Place(
        5, paths=0.3, houses="house house block", relief="rise terrace terrace fall", steep=1.6,
        hills=0.25, walk=(1.0, 2.2), edge="wall wall fence hedge _", parked=0.5, setback=(1.5, 8),
        crossing=0.4, near="stairs stairs person mailbox planter gate", trees=1.0,
        sites={"power line": 0.15},
    ),
    "snow": Place(
        5, paths=0.2, houses="house house block", parked=0.5, edge=_GARDEN, setback=(2, 9),
        people=0.7, marked=0.3, near="person dog mailbox bench stroller", trees=0.9, rough=0.2,
        sites={"play": 0.1}, relief="flat flat rise",
    ),
    "park": Place(
        7, paths=1.5, paved=0.5, walked=0.8, walk=(1.2, 3), strip=0.7, verge=(2, 8), flush=0.7,
        outer="grass", relief="flat rise fall berm", hills=0.09, parked=0.15,
        edge=_WILD + " hedge", trees=1.5, furniture=0.5, people=1.1, traffic=0.3, rough=1.3,
        robot=0.8, growth=_RANK, near="bench bench fountain statue playground horse dog stroller "
        "wheelchair kiosk golf_cart "
        "group deer leaning_tree low_branch_tree chair",
        sites={"play": 0.4, "lake": 0.3, "square": 0.1},
    ),
    "playground": Place(
        4, paths=0.8, paved=0.7, flush=0.6, outer="grass sand", edge="fence fence hedge _",
        trees=1.1, people=1.4, traffic=0.4, parked=0.3, houses="house hall _ _", built=0.4,
        setback=(15, 30), robot=0.7, near="playground bench stroller person group chair",
        sites={"play": 1.0},
    ),
    "plaza": Place(
        5, road="road cobbles slab_road", walk=(2, 7), flush=0.6, outer="sidewalk slab_walk",
        relief="flat", houses="block", setback=(4, 20), trees=0.6, furniture=0.9, people=2.1,
        traffic=0.4, rough=0.1, parked=0.2, robot=0.8, vehicles="golf_cart rickshaw",
        near=_TOWN + "fountain statue kiosk parasol kick_scooter group wheelchair planter table",
        sites={"square": 1.0, "cafe": 0.6, "market": 0.2},
    ),
    "market": Place(
        4, road="road cobbles slab_road", walk=(2, 5), flush=0.6, outer="sidewalk lot slab_walk",
        relief="flat", houses="block block hall", setback=(6, 22), trees=0.4, people=2.4,
        traffic=0.4, rough=0.0, parked=0.3, robot=0.8, vehicles="forklift rickshaw",
        near=_TOWN + "tent tent parasol kiosk pallet shopping_cart chair table group wheelchair",
        sites={"market": 1.0},
    ),
    "lot": Place(
        5, road="lot lot road concrete", outer="lot lot sidewalk concrete", relief="flat",
        houses="hall", built=0.5, trees=0.5, people=0.9, parked=0.1, rough=0.2, robot=0.7,
        setback=(12, 40), vehicles="pickup_truck golf_cart",
        near="shopping_cart shopping_cart shopping_cart person stroller dumpster parking_meter "
        "trailer",
        sites={"car park": 1.0, "trolleys": 0.7, "pumps": 0.08, "median trees": 0.4},
    ),
    "arterial": Place(
        10, paths=0.2, lanes=(3, 4, 4, 5, 6), median=0.55, houses="block hall _", built=0.6,
        setback=(3, 15), outer="grass grass sidewalk lot", edge="_ _ _ fence wall guardrail hedge",
        strip=0.55, walk=(1.5, 3.5), parked=0.1, trees=1.1, traffic=1.9, rough=0.4,
        vehicles="bus truck", near="bus_stop billboard traffic_sign person utility_box "
        "traffic_drum",
        sites={"gantry": 0.35, "overpass": 0.3, "pumps": 0.06, "power line": 0.15,
        "noise wall": 0.15},
    ),
    "highway": Place(
        5, lanes=(2, 4, 4, 6, 6), lane=(3.4, 3.8), road="road road road slab_road", median=0.75,
        crossing=0.0, paved=0.0, parked=0, bays=0, walked=0, verge=(2, 8), shoulder=0.5,
        relief="flat rise fall ditch berm", steep=1.5, trees=0.7, furniture=0.25, people=0.0,
        traffic=2.3, rough=0.9, edge="guardrail guardrail guardrail wall _", robot=0.0,
        vehicles="truck truck bus trailer", near="traffic_sign traffic_sign billboard traffic_drum",
        growth=_RANK, sites={"gantry": 0.5, "overpass": 0.4, "noise wall": 0.4, "tunnel": 0.08,
        "power line": 0.15},
    ),
    "country road": Place(
        8, paths=0.15, lanes=(1, 2, 2), walked=0.2, paved=0.1, crossing=0.3, parked=0.02, bays=0,
        verge=(1, 6), shoulder=0.6, relief="flat flat ditch ditch rise fall", hills=0.25,
        houses="house _ _ _", built=0.2, edge=_WILD + " fence guardrail hedge", trees=0.8,
        furniture=0.3, people=0.25, traffic=0.6, rough=1.0, vehicles="tractor pickup_truck",
        outer="grass grass grass soil", near="mailbox hay_bale gate horse cow deer log "
        "traffic_sign pole dead_tree", growth=_RANK,
        sites={"power line": 0.35, "crops": 0.2, "pasture": 0.3, "overpass": 0.08},
    ),
    "tunnel": Place(
        5, lanes=(2, 2, 3, 4), crossing=0.0, paved=0.8, walked=0.6, strip=0.0, walk=(0.8, 2),
        parked=0, bays=0, relief="rise", steep=2.5, trees=0.6, furniture=0.3, people=0.3,
        traffic=1.5, edge="_", robot=0.2, near="traffic_sign traffic_cone person",
        sites={"tunnel": 1.0},
    ),
    "bridge": Place(
        4, lanes=(2, 2, 4), crossing=0.0, paved=0.8, walked=0.75, strip=0.0, walk=(1.0, 3),
        parked=0.05, bays=0, relief="flat", hills=0.02, trees=0.6, furniture=0.3, people=0.7,
        traffic=1.2, rough=0.5, near="person bicycle traffic_sign street_lamp", sites={"deck": 1.0,
        "gantry": 0.15},
    ),
    "construction": Place(
        7, houses="block house _", built=0.6, strip=0.3,
        outer="soil soil gravel grass concrete mud", relief="flat rise berm fall",
        edge="_ _ fence wall", parked=0.25, people=0.9, trees=0.4, rough=0.4,
        vehicles="truck construction_vehicle excavator",
        near="pallet pipe traffic_drum excavator forklift dumpster scaffolding traffic_cone "
        "barrier", sites={"building site": 1.0, "scaffold": 0.5, "crane": 0.55},
    ),
    "industry": Place(
        5, paved=0.5, outer="lot gravel soil grass concrete concrete", relief="flat", houses="hall",
        built=0.7, setback=(5, 24), edge="fence fence wall _ _", trees=0.4, people=0.5, rough=0.5,
        road="road road slab_road", vehicles="truck truck forklift trailer",
        near="pallet pallet tank pipe forklift dumpster container crane trailer gate log "
        "utility_box",
        sites={"yard": 1.0, "rails": 0.3, "tanks": 0.5, "power line": 0.2, "pumps": 0.06},
    ),
    "rail yard": Place(
        5, paved=0.5, outer="gravel grass soil concrete", relief="flat", hills=0.01,
        houses="hall block _", built=0.5, setback=(12, 30), edge="fence fence wall _",
        crossing=0.15, trees=0.4, rough=0.8, near="pallet tank container gate bicycle person "
        "utility_box train", traffic=0.7,
        sites={"rails": 0.7, "level crossing": 0.65, "tram": 0.3, "power line": 0.2},
    ),
    "tram street": Place(
        4, lanes=(2, 2, 4), houses="block", walk=(2, 5), setback=(0.1, 3),
        outer="sidewalk sidewalk grass", relief="flat", hills=0.01, people=1.6, furniture=1.1,
        near=_TOWN + "bus_stop group rickshaw kiosk", sites={"tram": 1.0, "wires": 0.7},
        parked=0.35, trees=0.5,
    ),
    "farm": Place(
        5, lanes=(1, 1, 2), road="road gravel soil concrete", ragged=0.15, ruts=0.3, walked=0.1,
        paved=0.05, parked=0, bays=0, crossing=0.3, marked=0.3, verge=(0.5, 4),
        relief="flat flat ditch", hills=0.15, houses="barn barn hall house shed", built=0.35,
        setback=(5, 25),
        outer="grass grass soil mud concrete", edge="fence fence fence _ hedge", trees=0.6,
        furniture=0.2, people=0.4, traffic=0.3, rough=0.9,
        vehicles="tractor tractor pickup_truck trailer", robot=0.7,
        near="tractor hay_bale hay_bale cow horse gate tank log pallet trailer dog mailbox",
        growth={"tall grass": 20, "bush": 8, "hay bale": 5, "rock": 3}, sites={"pasture": 0.9,
        "power line": 0.3, "barnyard": 0.7, "crops": 0.5},
    ),
    "dirt road": Place(
        5, lanes=(1, 1, 2), lane=(2.6, 3.6), road="soil gravel sand mud", ragged=0.25, ruts=0.5,
        walked=0.15, paved=0.03, parked=0, bays=0, crossing=0.4, marked=0, verge=(0.5, 3),
        relief="flat flat ditch rise fall", hills=0.15, houses="house", built=0.6, setback=(2, 12),
        edge=_GARDEN, trees=0.9, furniture=0.4, people=0.9, traffic=0.4, rough=1.2,
        outer="grass grass soil", vehicles="rickshaw tractor "
        "pickup_truck motorcyclist", near="dog cow horse gate log mailbox pole hay_bale tank",
        growth={"tall grass": 12, "bush": 10, "rock": 4}, sites={"crops": 0.2, "power line": 0.4,
        "puddles": 0.5},
    ),
    "forest": Place(
        6, paths=0.3, lanes=(1,), lane=(2.4, 3.6), road="soil gravel mud grass", ragged=0.3,
        ruts=0.7, walked=0.08, paved=0.0, parked=0, bays=0, crossing=0.15, marked=0, verge=(0.5, 2),
        relief="flat rise fall ditch berm", hills=0.3, edge="_", trees=2.2, furniture=0.03,
        people=0.25, traffic=0.08, rough=1.6, robot=0.6,
        near="log log log dead_tree leaning_tree low_branch_tree fern rock deer person gate bench "
        "cyclist horse", vehicles="tractor pickup_truck",
        growth={"broadleaf": 35, "conifer": 25, "fern": 60, "bush": 25, "tall grass": 30, "rock": 8,
               "log": 6, "dead tree": 4, "leaning tree": 3, "low branch tree": 5, "young tree": 10},
        sites={"log pile": 0.5, "puddles": 0.6, "lake": 0.12},
    ),
    "meadow": Place(
        8, paths=0.3, lanes=(1,), lane=(2.6, 3.8), road="grass grass grass mud", ragged=0.3,
        ruts=1.0, walked=0.03, paved=0.0, parked=0, bays=0, crossing=0.15, marked=0, verge=(0.5, 2),
        relief="flat flat rise fall", hills=0.25, edge="_ _ _ fence", trees=0.4, furniture=0.02,
        people=0.3, traffic=0.08, rough=1.5, robot=0.6, near="log rock fence gate bush person dog "
        "deer cow horse hay_bale low_branch_tree",
        vehicles="tractor pickup_truck",
        growth={"tall grass": 75, "bush": 22, "rock": 9, "broadleaf": 5, "dead tree": 1.5,
        "fern": 8,
               "log": 2, "low branch tree": 3, "leaning tree": 1, "hay bale": 0.7, "young tree": 4},
        sites={"puddles": 0.8, "pasture": 0.2, "lake": 0.2, "power line": 0.12, "barrier row": 0.3},
    ),
    "quarry": Place(
        3, lanes=(1, 2), road="gravel soil sand", ragged=0.3, ruts=0.5, walked=0.0, paved=0.0,
        parked=0, bays=0, crossing=0.2, marked=0, verge=(0.5, 2), outer="gravel gravel soil sand",
        steep=2.5, relief="terrace terrace rise berm flat", hills=0.15, houses="hall shed _ _ _",
        built=0.15, setback=(15, 40), edge="_ _ _ fence", trees=0.15, furniture=0.1, people=0.3,
        traffic=0.4, rough=0.5, vehicles="truck construction_vehicle excavator", robot=0.5,
        near="excavator construction_vehicle soil_heap rock rock pipe tank traffic_cone container "
        "crane",
        growth={"rock": 45, "soil heap": 9, "bush": 8, "tall grass": 10},
        sites={"puddles": 0.6, "heaps": 1.0, "lake": 0.3},
    ),
    "lakeside": Place(
        6, paths=0.5, lanes=(1, 1, 2), road="road gravel soil grass", ragged=0.15, ruts=0.3,
        paved=0.3, walked=0.7, strip=0.6, flush=0.8, crossing=0.1, marked=0.5, verge=(1, 5),
        relief="shore shore flat rise", steep=1.0, hills=0.06, edge="_ _ _ fence guardrail",
        trees=0.7, people=0.6, traffic=0.3, rough=1.5, near="boat boat bench log rock person "
        "bicycle tent kiosk dog chair parasol", robot=0.6,
        growth={"tall grass": 55, "bush": 15, "rock": 8, "broadleaf": 5, "dead tree": 2, "log": 2},
        sites={"shore": 1.0},
    ),
    "village": Place(
        3, paths=0.3, lanes=(1, 2), lane=(2.3, 3.2), houses="house", walk=(0.8, 1.8), walked=0.6,
        flush=0.5, setback=(0.2, 6), hills=0.12, edge=_GARDEN, parked=0.3, rough=0.5,
        road="road road cobbles", near="tractor bench fountain statue mailbox phone_booth gate "
        "dog planter",
        outer="grass gravel", vehicles="tractor", sites={"power line": 0.4, "square": 0.2},
        held_out=True,
    ),
    "campus": Place(
        3, paths=1.5, lanes=(1, 2), houses="block hall", setback=(8, 28), walk=(1.8, 4), flush=0.5,
        strip=0.7, people=1.6, trees=1.2, furniture=1.0, parked=0.2, traffic=0.3, robot=0.8,
        relief="flat rise berm", near=_TOWN + "statue group kick_scooter stairs wheelchair "
        "golf_cart", held_out=True,
        sites={"square": 0.4, "car park": 0.3, "scaffold": 0.15},
    ),
    "petrol station": Place(
        3, outer="concrete lot", relief="flat", houses="hall house", built=0.35, setback=(22, 34),
        people=0.6, vehicles="truck pickup_truck", near="traffic_sign billboard trash_can tank "
        "dumpster shopping_cart",
        sites={"pumps": 1.0}, parked=0.05, held_out=True,
    ),
    "harbour": Place(
        3, paved=0.35, strip=0.0, outer="concrete", relief="quay flat", hills=0.01,
        houses="hall", built=0.5, setback=(10, 30), edge="_ _ _ fence", trees=0.1, rough=0.1,
        vehicles="truck forklift trailer", near="boat boat container pallet crane forklift "
        "bollard pipe",
        sites={"quay": 1.0, "yard": 1.0, "crane": 0.6, "rails": 0.3}, held_out=True,
    ),
}  # fmt: skip
