"""Which methods a path has, for the answer to another one."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from callwatch.api.http import Request
from callwatch.api.methods import list_methods
from callwatch.api.routes import INGEST_ENVELOPE, REFUSE_METHOD, ROUTES, SERVE_UPLOADS
from callwatch.exceptions import MethodNotAllowed, NotFound
from callwatch.runtime.admission import Admission

OPEN = (INGEST_ENVELOPE, SERVE_UPLOADS, REFUSE_METHOD)
NAMED = [
    name.split(" ", 1) for route in ROUTES.values() if route not in OPEN for name in (f"{route.method} {route.path}", *route.also)
]


def fill(path: str, value: str) -> str:
    return re.sub(r"\{\w+\+?\}", value, path.replace("{project}", "1"))


@pytest.mark.parametrize("value", ["7", "a-b", "\u2603"])
def test_each_route_is_among_the_methods_of_its_path(value: str) -> None:
    for method, path in NAMED:
        found = list_methods(fill(path, value))
        assert method in found, path
        assert ("HEAD" in found) == ("GET" in found), path
        assert list(found) == sorted(found), path


@given(st.lists(st.sampled_from(["api", "errors", "1", "", "x", "status", "envelope", "..", "\u2603"]), max_size=7))
def test_only_paths_of_the_table_have_methods(parts: list[str]) -> None:
    path = "/" + "/".join(parts)
    patterns = [re.compile(re.sub(r"\{project\}", "[0-9]+", each)) for _method, each in NAMED]
    shapes = [re.sub(r"\{\w+\\?\+\}", ".+", each.pattern) for each in patterns]
    shapes = [re.sub(r"\{\w+\}", "[^/]+", each) for each in shapes]
    assert bool(list_methods(path)) == any(re.fullmatch(shape, path) for shape in shapes)


@pytest.mark.parametrize(
    ("path", "methods"), [("/api/metrics/jobs", "GET, HEAD"), ("/api/errors/7", "DELETE, GET, HEAD"), ("/api/uptime/7", None)]
)
def test_function_of_envelopes_knows_other_methods_too(path: str, methods: str | None) -> None:
    project, proxy = path.split("/", 3)[2:]
    request = Request("POST", path, {"project": project, "proxy": proxy})
    with pytest.raises(MethodNotAllowed if methods else NotFound) as refused:
        Admission().admit_dsn(request, lambda _size: b"")
    assert refused.value.headers.get("allow") == methods
