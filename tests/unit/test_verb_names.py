"""The check that functions begin with a verb: what it finds, and which names it leaves to others."""

import ast

import pytest

from tools.verb_names import IMPOSED, VERBS, check_verbs


def find(source: str) -> list[str]:
    return [what.rpartition(": ")[2] for _line, what in check_verbs(ast.parse(source))]


@pytest.mark.parametrize(
    "source",
    [
        "def trends(ids): ...",
        "async def _client(region): ...",
        "def why_unread(error) -> Reason: ...",
        "def by_route(rows): ...",
        "class Cuts:\n    def text(self, value) -> str: ...",
        "def build():\n    def watched(): ...",
        "def with_states(stages) -> tuple[Stage, ...]: ...",
        "def counts(key) -> dict[str, int]: ...",
        "@functools.cache\ndef library() -> tuple[str, ...]: ...",
    ],
)
def test_noun_is_found(source: str) -> None:
    assert len(find(source)) == 1


def test_finding_names_line_function_and_remedy() -> None:
    ((line, what),) = check_verbs(ast.parse("x = 1\n\ndef _trends(ids): ...\n"))
    assert line == 3
    assert what == "begin the name with a verb, as in read_trends; tools/verbs.txt lists them: _trends"


@pytest.mark.parametrize(
    "source",
    [
        "def compute_trends(ids): ...",
        "def _get_client(region): ...",
        "def read(): ...",
    ],
)
def test_verb_passes(source: str) -> None:
    assert find(source) == []


@pytest.mark.parametrize(
    "source",
    [
        "def is_open() -> bool: ...",
        "def has_rows(table) -> bool: ...",
        "def _can_enter(folder) -> bool: ...",
        "def needs_history(group) -> bool: ...",
        "def is_readable(at) -> Composable: ...",
        "def matches(rule) -> bool: ...",
        "def _belongs_to(name) -> bool: ...",
        "def is_text(value) -> TypeGuard[str]: ...",
    ],
)
def test_predicate_passes(source: str) -> None:
    assert find(source) == []


def test_third_person_without_a_bool_is_found() -> None:
    assert find("def answers(number) -> list[str]: ...\ndef matches(rule): ...") == ["answers", "matches"]


@pytest.mark.parametrize(
    "source",
    [
        "class A:\n    @property\n    def size(self) -> int: ...",
        "class A:\n    @functools.cached_property\n    def size(self) -> int: ...",
        "class A:\n    @size.setter\n    def size(self, value: int) -> None: ...",
        "@contextlib.contextmanager\ndef connection() -> Iterator[Connection]: ...",
        "@asynccontextmanager\nasync def connection() -> AsyncIterator[Connection]: ...",
        "def within_its_time(conn) -> contextlib.AbstractContextManager[None]: ...",
        "@pytest.fixture\ndef system() -> System: ...",
        "@pytest.fixture(scope='session')\ndef system() -> System: ...",
        "def endpoint(route: Route) -> Callable[[Callable[..., Any]], Handler]: ...",
        "def invocation(handle: Callable[[Event], R]) -> Callable[[Event], R]: ...",
        "def to_json(value) -> str: ...",
        "def from_ms(at_ms: int) -> datetime: ...",
        "def as_sentry(event) -> dict: ...",
        "class A:\n    def __len__(self) -> int: ...",
        *(f"def {name}(given): ..." for name in sorted(IMPOSED)),
        "class Handler(BaseHTTPRequestHandler):\n    def do_GET(self) -> None: ...",
    ],
)
def test_exempt_name_passes(source: str) -> None:
    assert find(source) == []


def test_function_that_only_takes_a_callable_is_no_decorator() -> None:
    assert find("def eventually(look: Callable[[], T]) -> T: ...") == ["eventually"]


def test_each_verb_is_one_plain_word_and_listed_once() -> None:
    assert all(verb.isascii() and verb.isalpha() and verb.islower() for verb in VERBS)
    assert "trends" not in VERBS
