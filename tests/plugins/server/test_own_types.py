"""Types of a plugin as arguments and results of its operations, through a server."""

import os
import sys
from datetime import UTC, datetime
from pathlib import Path

import pytest

from debrepo import arguments
from debrepo import encoding as wire
from debrepo.errors import InvalidInput, RemoteError
from debrepo.plugins import load_plugins
from debrepo.remote.session import RemoteSession

PLUGIN = '''
"""A plugin with types of its own."""

from dataclasses import dataclass, field
from datetime import datetime
from enum import Enum, IntFlag
from pathlib import Path

from debrepo import Operation, hookimpl
from debrepo.errors import InvalidInput
from debrepo.session import Session


class Sky(Enum):
    CLEAR = "clear"
    GREY = "grey"


class Wind(IntFlag):
    NORTH = 1
    WEST = 2


@dataclass(frozen=True)
class Place:
    name: str
    north: float
    skies: tuple[Sky, ...] = ()
    map: Path | None = None
    label: str = field(init=False, default="")

    def __post_init__(self):
        if self.north > 90:
            raise ValueError("beyond the pole")
        object.__setattr__(self, "label", self.name.upper())


@dataclass(frozen=True, kw_only=True)
class Forecast:
    at: datetime
    places: dict[str, list[Place]]
    wind: Wind
    before: "Forecast | None" = None


@hookimpl
def debrepo_operations():
    said = "Say what the weather will be."
    return [Operation("weather.tell", "weather:tell", said, "read", "weather", changes=False)]


def tell(session: Session, places: list[Place], at: datetime, wind: Wind) -> Forecast | None:
    """Return what was sent, in a forecast within a forecast."""
    if not all(isinstance(sky, Sky) for place in places for sky in place.skies):
        raise InvalidInput("no sky")
    first = Forecast(at=at, places={}, wind=Wind(0))
    by_label = {place.label: [place] for place in places}
    return Forecast(at=at, places=by_label, wind=wind, before=first)
'''


@pytest.fixture
def weather(tmp_path, monkeypatch):
    """Install a plugin beside the others, for this process; return its module."""
    place = tmp_path / "plugins"
    info = place / "weather-1.0.dist-info"
    info.mkdir(parents=True)
    (place / "weather.py").write_text(PLUGIN)
    (info / "entry_points.txt").write_text("[debrepo]\nweather = weather\n")
    monkeypatch.syspath_prepend(place)
    yield __import__("weather")
    del sys.modules["weather"]


@pytest.fixture
def remote(weather, serving, tmp_path):
    """Return a session whose operations run on a server, where the plugin is installed, too."""
    env = os.environ | {"PYTHONPATH": str(tmp_path / "plugins")}
    session = RemoteSession(serving(env=env).url, tmp_path / "nowhere", load_plugins(), {})
    yield session
    session.close()


def test_own_dataclasses_and_enumerations_travel_within_containers(remote, weather, tmp_path):
    (tmp_path / "map").write_text("here be dragons")
    at = datetime(2024, 1, 1, tzinfo=UTC)
    wind = weather.Wind.NORTH | weather.Wind.WEST
    places = [
        weather.Place("Ulm", 48.4, (weather.Sky.GREY, weather.Sky.CLEAR)),
        weather.Place("Bern", 46, map=tmp_path / "map"),
    ]
    told = remote.call("weather.tell", places=places, at=at, wind=wind)
    first = weather.Forecast(at=at, places={}, wind=weather.Wind(0))
    expected = {"ULM": [places[0]], "BERN": [places[1]]}
    assert told == weather.Forecast(at=at, places=expected, wind=wind, before=first)
    assert type(told.places["ULM"][0].skies[0]) is weather.Sky
    assert type(told.wind) is weather.Wind


def test_what_does_not_fit_an_own_type_is_named(remote, weather):
    wanted = {"at": datetime(2024, 1, 1, tzinfo=UTC), "wind": weather.Wind(1)}
    with pytest.raises(InvalidInput, match="north of element 1 of places has to be a number"):
        remote.call("weather.tell", places=[weather.Place("Ulm", False)], **wanted)


@pytest.mark.parametrize(
    "sent",
    [
        {"n": ["weather:Place", "Ulm", 91.0, {"t": []}, None]},
        {"n": ["weather:Place", "Ulm"]},
        {"n": ["weather:Sky", "clear"]},
        {"e": ["weather:Place", "clear"]},
        {"e": ["weather:Sky", "purple"]},
        {"e": ["weather:Sky"]},
        {"n": ["weather:tell"]},
        {"n": ["pathlib:Path", "x"]},
    ],
    ids=str,
)
def test_nothing_is_made_but_what_an_own_type_allows(weather, sent):
    with pytest.raises(InvalidInput, match="not what debrepo sends"):
        wire.decode(sent, Path, list[weather.Place])


def test_files_in_own_types_are_found(weather):
    assert [*arguments.files([weather.Place("Ulm", 48.4, map=Path("x"))])] == [Path("x")]


def test_server_that_lacks_the_plugin_says_so(weather, serving, tmp_path):
    remote = RemoteSession(serving().url, tmp_path / "nowhere", load_plugins(), {})
    wanted = {"places": [], "at": datetime(2024, 1, 1, tzinfo=UTC), "wind": weather.Wind(1)}
    with pytest.raises((RemoteError, InvalidInput, Exception), match=r"weather|404|Not Found"):
        remote.call("weather.tell", **wanted)
    remote.close()
