"""Routes of plugins: whose they are, and what a server refuses to start with."""

import sys
from types import SimpleNamespace

import pytest

from debrepo import Ref, hookimpl
from debrepo.errors import PluginError
from debrepo.http import Routes, opens
from debrepo_server.access import Access
from debrepo_server.app import build


def _bring(session, monkeypatch, plugin, method, path, *needs):
    """Register a plugin with one route."""
    routes = Routes(prefix="/api")
    routes.add_api_route(path, lambda: None, methods=[method], dependencies=[*needs])
    monkeypatch.setitem(sys.modules, f"debrepo_tested_{plugin}", SimpleNamespace(routes=routes))

    def debrepo_routes():
        return [Ref(f"debrepo_tested_{plugin}:routes")]

    session.plugins.register(SimpleNamespace(debrepo_routes=hookimpl(debrepo_routes)), plugin)


def _start(session):
    return build(session, Access(session, trusting=False))


def _needs():
    from fastapi import Depends

    return Depends(opens("repo.list").dependency)


@pytest.mark.parametrize("path", ["/mills/{name}", "/mills/{mill}"])
def test_two_plugins_may_not_answer_the_same_requests(session, monkeypatch, path):
    _bring(session, monkeypatch, "mill", "GET", "/mills/{name}", _needs())
    _bring(session, monkeypatch, "miller", "GET", path, _needs())
    with pytest.raises(PluginError, match=r"plugins mill\w* and mill\w* both bring .* GET /api/mi"):
        _start(session)


def test_plugin_may_not_take_the_route_of_an_operation(session, monkeypatch):
    _bring(session, monkeypatch, "mill", "POST", "/operations/repo.list", _needs())
    with pytest.raises(PluginError, match=r"plugins mill and server both bring the route POST"):
        _start(session)


def test_plugins_may_share_a_path_with_different_methods(session, monkeypatch):
    _bring(session, monkeypatch, "mill", "GET", "/mills/{name}", _needs())
    _bring(session, monkeypatch, "miller", "PUT", "/mills/{name}", _needs())
    paths = [getattr(route, "path", "") for route in _start(session).routes]
    assert paths.count("/api/mills/{name}") == 2


def test_route_without_a_scope_keeps_the_server_from_starting(session, monkeypatch):
    _bring(session, monkeypatch, "mill", "GET", "/mills")
    with pytest.raises(PluginError, match=r"the route /api/mills of .* states no scope"):
        _start(session)
