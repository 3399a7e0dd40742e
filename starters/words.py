"""Writes docs/words.md: every text that people read, with its place, grouped by who says it.

`python -m starters.words` brings the page up to date. The texts are found in the source: literals
that are prose, help texts of commands and verbs, templates of mails, pages and guides. What an
f-string fills in stands in braces.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from starters.docs import FOLDER

PAGE = FOLDER / "words.md"

ROOT = Path(__file__).parents[1]
ROOMS = ("domain", "workflows", "activities", "service", "store", "workers", "starters")

_INTRODUCTION = """\
# The words

Every text that people read, as the source has it. Read it as an agent, a supervisor or a customer
would: what does not explain itself is a mistake. `python -m starters.words` writes this page.
"""

_PROSE = re.compile(r"[A-Za-z][A-Za-z'’-]+[.,:;?!)\"”]* +(?:[^A-Za-z]*[ ])?[A-Za-z{]")
"""At least two words: what one word alone names is a label, a key or a column."""
_LONGEST_PLACEHOLDER = 40
_BARE_NAME = re.compile(r"[a-z]+(?:[_-][a-z]+)*")
_STATEMENT = re.compile(r"(?:PRAGMA|SELECT|INSERT|BEGIN|TaskQueue|ExecutionStatus)\b")
_MIGRATIONS = "migrations"
_NO_WORDS = frozenset({"compile", "execute", "unparse", "TypeVar", "NewType", "examples", "index"})
"""Functions whose texts are patterns, statements or examples, not sentences."""
_NO_FIELDS = frozenset(
    {"epilog", "metavar", "pattern", "example", "query", "regex", "headers", "key"}
    | {"AssertionError", "LookupError", "TypeError"}
)
"""Fields of the same kind, keys and headers, and errors that only a bug in the code raises."""
_OF_STRINGS = frozenset(
    {"count", "endswith", "find", "lstrip", "partition", "removeprefix", "removesuffix", "replace"}
    | {"rpartition", "rsplit", "rstrip", "split", "startswith", "strip"}
)
"""Methods of strings that look for their arguments; they don't say them to anybody."""
_MARKUP = re.compile(r"\|.*\||default-src\b.*|[a-z_]+ = [A-Z]+", re.DOTALL)
"""Rows of a table, a header of the console's pages, and settings of SQLite."""
_NOT_SAID = frozenset({"domain/zips.py", "store/outages.py", "starters/words.py"})
"""Files whose texts are data: states, signs of an outage, and the headings of the page itself."""
_LEVELS = frozenset({"debug", "info", "warning", "error", "exception", "critical"})
_WITH_LABELS = frozenset({"domain/labels.py", "domain/roles.py"})
"""Files of which single words are read, too."""


@dataclass(frozen=True)
class Text:
    """One text that people read."""

    path: str
    """Its file, from the root of the project."""
    line: int
    place: str
    """The function, class or constant that it stands in."""
    kind: str
    """What takes it: a field such as `duty`, a function such as `note`, or the identifier that it
    labels; empty if unknown."""
    said: str

    @property
    def without_placeholders(self) -> str:
        """What is said without what is filled in."""
        return re.sub(r"\{[^{}]*\}", "{}", self.said)


def all_texts() -> Iterator[Text]:
    """Return every text that people read, file by file."""
    for room in ROOMS:
        for path in sorted((ROOT / room).rglob("*")):
            name = path.relative_to(ROOT).as_posix()
            if _MIGRATIONS in path.parts or "__pycache__" in path.parts or name in _NOT_SAID:
                continue
            if path.suffix == ".py":
                yield from texts_of(path.read_text("utf-8"), name)
            elif path.suffix in {".txt", ".jinja", ".html"} and "templates" in path.parts:
                yield from _template(path.read_text("utf-8"), name)
            elif path.name.startswith("guide") and path.suffix == ".toml":
                yield from _guide(path.read_text("utf-8"), name)


# --- Python -----------------------------------------------------------------------------------


def texts_of(source: str, path: str) -> Iterator[Text]:
    """Return the texts of a module, in their order."""
    finder = _Finder(path)
    finder.visit(ast.parse(source))
    yield from sorted(finder.found, key=lambda text: text.line)


class _Finder(ast.NodeVisitor):
    """Collects literals that are prose, and the docstrings that are shown to people."""

    def __init__(self, path: str) -> None:
        self.found: list[Text] = []
        self._path = path
        self._places: list[str] = []
        self._kinds: list[str] = [""]
        self._labels = path in _WITH_LABELS

    # what a text stands in

    def visit_ClassDef(self, node: ast.ClassDef) -> None:
        is_payload = any(isinstance(base, ast.Name) and base.id == "Payload" for base in node.bases)
        self._inside(node.name, node, help_text=is_payload)

    def visit_FunctionDef(self, node: ast.FunctionDef) -> None:
        self._inside(node.name, node, help_text=_is_verb(node))

    def visit_AsyncFunctionDef(self, node: ast.AsyncFunctionDef) -> None:
        self._inside(node.name, node, help_text=False)

    def _inside(
        self,
        name: str,
        node: ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef,
        *,
        help_text: bool,
    ) -> None:
        self._places.append(name)
        if help_text and (said := ast.get_docstring(node)):
            self._add(node.lineno, said, "help")
        for each in ast.iter_child_nodes(node):
            self.visit(each)
        self._places.pop()

    def visit_Assign(self, node: ast.Assign) -> None:
        self._assigned(node.targets[0], node.value)

    def visit_AnnAssign(self, node: ast.AnnAssign) -> None:
        self.visit(node.annotation)
        if node.value is not None:
            self._assigned(node.target, node.value)

    def _assigned(self, target: ast.expr, value: ast.expr) -> None:
        name = target.id if isinstance(target, ast.Name) else ""
        if name == "__all__":  # names, not words
            return
        if self._places or not name:
            self._as(name, value)
            return
        self._places.append(name)
        self._as("", value)
        self._places.pop()

    # what takes a text

    def visit_Call(self, node: ast.Call) -> None:
        name = _called(node.func)
        if name in _NO_WORDS or _is_log(node.func):
            return
        self.visit(node.func)
        if name in _OF_STRINGS and isinstance(node.func, ast.Attribute):
            return
        for argument in node.args:
            self._as(name, argument)
        for keyword in node.keywords:
            self._as(keyword.arg or name, keyword.value)

    def visit_Dict(self, node: ast.Dict) -> None:
        for key, value in zip(node.keys, node.values, strict=True):
            if (named := _named(key)) is None and key is not None:
                self.visit(key)
            self._as(named or self._kinds[-1], value)

    def visit_Expr(self, node: ast.Expr) -> None:
        if not isinstance(node.value, ast.Constant):  # a docstring is no text
            self.visit(node.value)

    def _as(self, kind: str, node: ast.expr) -> None:
        self._kinds.append(kind)
        self.visit(node)
        self._kinds.pop()

    # the texts themselves

    def visit_Constant(self, node: ast.Constant) -> None:
        said = node.value
        if not isinstance(said, str) or _BARE_NAME.fullmatch(said):
            return
        if _PROSE.search(said) or self._labels:
            self._add(node.lineno, said, self._kinds[-1])

    def visit_JoinedStr(self, node: ast.JoinedStr) -> None:
        said = "".join(_part(each) for each in node.values)
        if _PROSE.search(said):
            self._add(node.lineno, said, self._kinds[-1])
        for each in node.values:
            if isinstance(each, ast.FormattedValue):
                self.visit(each.value)

    def _add(self, line: int, said: str, kind: str) -> None:
        if kind in _NO_FIELDS or _STATEMENT.match(said.strip()) or _MARKUP.fullmatch(said.strip()):
            return
        place = ".".join(self._places)
        self.found.append(Text(self._path, line, place, kind, " ".join(said.split())))


def _part(node: ast.expr) -> str:
    if isinstance(node, ast.Constant):
        return str(node.value)
    assert isinstance(node, ast.FormattedValue)  # noqa: S101  nothing else is in an f-string
    asked = ast.unparse(node.value)
    if node.format_spec is not None:
        asked += f":{ast.unparse(node.format_spec).removeprefix('f').strip(chr(39))}"
    is_short = len(asked) <= _LONGEST_PLACEHOLDER and not set(asked) & set("{}\"'")
    return f"{{{asked}}}" if is_short else "{…}"


def _called(node: ast.expr) -> str:
    if isinstance(node, ast.Attribute):
        return node.attr
    return node.id if isinstance(node, ast.Name) else ""


def _named(key: ast.expr | None) -> str | None:
    """Return the identifier that a key of a dictionary is, None if it is none."""
    if isinstance(key, ast.Attribute):
        return key.attr
    if isinstance(key, ast.Constant) and isinstance(key.value, str) and key.value.isidentifier():
        return key.value
    return None


def _is_log(node: ast.expr) -> bool:
    if not isinstance(node, ast.Attribute) or node.attr not in _LEVELS:
        return False
    logger = node.value
    return _called(logger) in {"log", "logger"}


def _is_verb(node: ast.FunctionDef) -> bool:
    """Return whether a function is a verb of the command line, whose docstring is its help."""
    return any(
        isinstance(each, ast.Call) and _called(each.func) == "command"
        for each in node.decorator_list
    )


# --- templates and guides -----------------------------------------------------------------------


def _template(source: str, path: str) -> Iterator[Text]:
    kind = "page" if path.endswith(".html") else "mail"
    shown = re.sub(r"<(style|script)\b.*?</\1>", lambda found: "\n" * found[0].count("\n"), source,
                   flags=re.DOTALL)  # fmt: skip
    for number, line in enumerate(shown.splitlines(), start=1):
        said = re.sub(r"\{%.*?%\}|\{#.*?#\}", " ", line)
        said = re.sub(r"\{\{-?\s*(.*?)\s*-?\}\}", r"{\1}", said)
        for each in re.split(r"<[^<>]*>", said) if kind == "page" else [said]:
            text = " ".join(each.split())
            if re.search(r"[A-Za-z]{2}", re.sub(r"\{[^{}]*\}", "", text)):
                yield Text(path, number, "", kind, text)


def _guide(source: str, path: str) -> Iterator[Text]:
    place = ""
    for number, line in enumerate(source.splitlines(), start=1):
        text = line.strip()
        if text.startswith("#") or text in {"", '"""'}:
            continue
        if text.endswith('= """'):
            place = text.partition(" ")[0]
        else:
            yield Text(path, number, place, "guide", text.strip('"'))


# --- the page -----------------------------------------------------------------------------------

_PROCEDURES = {
    "plus_one": "PlusOne search",
    "plusone": "PlusOne search",
    "apo": "APO",
    "am_escalation": "Area Manager escalation",
    "am": "Area Manager escalation",
    "spoc": "SPoC follow-up",
    "report": "SPoC follow-up",
    "reassignment": "Conference call",
    "provider": "Conference call",
}
_ROOMS = {
    "domain": "Rules and texts of every procedure",
    "workflows": "Engine",
    "activities": "Mail",
    "service": "Services",
    "store": "Store",
    "workers": "Worker and settings",
    "starters": "Command line, API and console",
}
_ORDER = ("Labels", *dict.fromkeys(_PROCEDURES.values()), *_ROOMS.values())


def group_of(path: str) -> str:
    """Return who says the texts of a file, as the page heads them."""
    if path in _WITH_LABELS:
        return "Labels"
    room, *inner = path.split("/")
    name = inner[-1].split(".")[0]
    if room == "domain" and len(inner) > 1:
        return _PROCEDURES[inner[0]]
    if room == "workflows" and name in _PROCEDURES:
        return _PROCEDURES[name]
    if room == "activities" and "templates" in inner:
        named = (name, "_".join(name.split("_")[:2]), name.split("_")[0])
        return next((_PROCEDURES[each] for each in named if each in _PROCEDURES), _ROOMS[room])
    return _ROOMS[room]


def words_page(texts: Iterable[Text]) -> str:
    """Return the page of all texts."""
    groups: dict[str, dict[str, list[Text]]] = {title: {} for title in _ORDER}
    for text in texts:
        groups[group_of(text.path)].setdefault(text.path, []).append(text)
    return _INTRODUCTION + "".join(
        f"\n## {title}\n{''.join(_file(path, inside) for path, inside in files.items())}"
        for title, files in groups.items()
        if files
    )


def _file(path: str, texts: list[Text]) -> str:
    rows = "".join(
        f"| {_cell(text.place)} | {_cell(text.kind)} | {_cell(text.said, code=False)} |\n"
        for text in texts
    )
    return f"\n### `{path}`\n\n| Where | As | Text |\n|---|---|---|\n{rows}"


def _cell(text: str, *, code: bool = True) -> str:
    if code:
        return f"`{text}`" if text else ""
    return text.replace("|", "\\|").replace("<", "&lt;")


if __name__ == "__main__":
    PAGE.write_text(words_page(all_texts()), "utf-8")
