"""The bounded TOML reader: what hostile documents cost, and that it reads as tomllib does."""

import subprocess
import sys
import tomllib
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from model.limits import MAX_FEDERATION_BYTES, MAX_FEDERATION_VALUES, MAX_TOML_VALUES
from model.limits import MAX_POLICY_BYTES as MAX_BYTES
from model.toml import MAX_DEPTH, TomlError, parse_toml, to_toml

TREE = Path(__file__).resolve().parents[3]


def read(text: str | bytes, *, values: int = MAX_TOML_VALUES) -> dict[str, object]:
    data = text.encode() if isinstance(text, str) else text
    return parse_toml(data, source="x.toml", max_bytes=MAX_BYTES, max_values=values)


DEEP = ".".join("a" * (MAX_DEPTH + 1))
HOSTILE = {
    "a dotted key of 120,000 parts": ("a." * 120_000 + "a = 1", "line 1, column 16: nested"),
    "a dotted key with spaces": ("a . " * 60_000 + "a = 1", "line 1, column 31: nested"),
    "of quoted parts": ('"a".' * 60_000 + "a = 1", "nested more than 8 deep"),
    "in a header": ("x = 1\n[" + "a." * 120_000 + "a]", "line 2, column 17: nested"),
    "in an inline table": ("x = {" + "a." * 120_000 + "a = 1}", "nested more than 8"),
    "behind a text that looks open": ("x = '''\"''''\n" + DEEP + " = 1", "line 2"),
    "behind a comment with a quote": ('x = 1 # "\n' + DEEP + " = 1 # \"", "line 2"),
    "behind an escaped quote": ('x = "\\""\n' + DEEP + ' = 1 # "', "line 2"),
    "behind a text of five quotes": ('x = """a"""""\n' + DEEP + ' = "b"', "line 2"),
    "lists in lists": ("x = " + "[" * 100_000, "line 1, column 13: nested"),
    "tables in tables": ("x = " + "{a=" * 60_000, "nested more than 8"),
    "60,000 keys": ("\n".join(f"k{n}=1" for n in range(30_000)), "more than 8192 keys"),
    "60,000 items": ("x = [" + "1," * 60_000 + "]", "line 1, column 16387: more than 8192"),
    "30,000 lists of tables": ("[[a]]\n" * 30_000, "more than 8192"),
    "a number of 200,000 digits": ("x = " + "1" * 200_000, "line 1, column 5: a number"),
    "a text that does not end": ('y = 1\nx = "abc', "line 2, column 5: not TOML: a text"),
    "a long text that does not end": ("y = 1\nx = '''abc\n'", "line 2, column 5: not TOML: a"),
    "250,000 quotes": ("'" * 250_000, "not TOML"),
    "250,000 backslashes": ('x = """' + "\\" * 250_000, "not TOML"),
    "not UTF-8": (b"y = 1\nx = '\xff'", "line 2, column 6: not TOML in UTF-8"),
    "no TOML": ("y = 1\nx = yes", "line 2, column 5: not TOML: invalid value"),
    "an end too early": ("y = 1\nx = ", "line 2, column 5: not TOML: invalid value"),
    "a key twice": ("x = 1\r\nx = 2", "line 2, column 6: not TOML: cannot overwrite"),
    "a long key twice": (f"[{'a' * 100_000}]\n" * 2, "not TOML"),
    "too long": ("#" * (MAX_BYTES + 1), f"{MAX_BYTES + 1} bytes; at most"),
}  # fmt: skip


@pytest.mark.parametrize(("text", "says"), HOSTILE.values(), ids=HOSTILE.keys())
def test_hostile_toml_is_refused_by_file_line_and_column(text: str | bytes, says: str) -> None:
    with pytest.raises(TomlError) as refused:
        read(text)
    assert str(refused.value).startswith("x.toml: ")
    assert says in str(refused.value)
    assert len(str(refused.value)) < 400


# In a process of its own: nothing else may have the memory, or give it back.
CEILING = """
import resource, sys
from model.toml import TomlError, parse_toml
from tests.unit.model.test_toml import COSTLY
size = int(open("/proc/self/statm").read().split()[0]) * resource.getpagesize()
limit = size + (int(sys.argv[2]) << 20)
resource.setrlimit(resource.RLIMIT_AS, (limit, limit))
text, max_bytes, max_values = COSTLY[sys.argv[1]]()
try:
    parse_toml(text.encode(), source="x", max_bytes=max_bytes, max_values=max_values)
except TomlError:
    pass
"""
LARGE = (MAX_FEDERATION_BYTES, MAX_FEDERATION_VALUES)
SMALL = (MAX_BYTES, MAX_TOML_VALUES)
WIDE = ".".join("abcdefgh"[:MAX_DEPTH])
COSTLY = {
    "dotted": lambda: ("a." * 120_000 + "a=1", *SMALL),
    "dotted, within the bounds": lambda: (
        f"[{WIDE}]\n" + "\n".join(f"k{n}.{WIDE[2:]}=1" for n in range(1000)), *SMALL),
    "lists, within the bounds": lambda: ("x = [" + "[]," * 4_000 + "]", *SMALL),
    "backslashes": lambda: ('x = """' + "\\\\" * 120_000 + '"""', *SMALL),
    "quotes": lambda: ("x = '''" + "'a" * 120_000 + "'''", *SMALL),
    "of a federation, dotted": lambda: ("a." * 4_000_000 + "a=1", *LARGE),
    "of a federation, items": lambda: ("x = [" + "[]," * 2_500_000 + "]", *LARGE),
}  # fmt: skip


@pytest.mark.skipif(sys.platform != "linux", reason="reads /proc and limits the address space")
@pytest.mark.parametrize("name", COSTLY)
def test_hostile_toml_takes_little_memory(name: str) -> None:
    mib = "160" if "federation" in name else "32"
    done = subprocess.run(
        [sys.executable, "-c", CEILING, name, mib],
        cwd=TREE, capture_output=True, text=True, timeout=60, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr[-400:]


def test_a_federation_of_20_000_persons_fits() -> None:
    row = '[[person]]\nname = "p{}"\nrole = "officer"\norganisation = "o"\noffice = "o.1"\n'
    keys = "".join(f'{key} = "{"ab" * 32}"\n' for key in ("certificate_sha256", "verify_key"))
    more = f'seal_key = "{"cd" * 32}"\ncosign_key = ""\n'
    text = "\n".join(row.format(n) + keys + more for n in range(20_000))
    max_bytes, max_values = LARGE
    found = parse_toml(text.encode(), source="f", max_bytes=max_bytes, max_values=max_values)
    assert len(found["person"]) == 20_000


def _files() -> list[Path]:
    folders = (TREE / "policies", TREE / "examples", TREE / "tests")
    return [TREE / "pyproject.toml", *(p for f in folders for p in sorted(f.rglob("*.toml")))]


@pytest.mark.parametrize("path", _files(), ids=lambda path: str(path.relative_to(TREE)))
def test_every_file_of_the_tree_is_read_as_tomllib_reads_it(path: Path) -> None:
    assert read(path.read_bytes()) == tomllib.loads(path.read_text(encoding="utf-8"))


BARE = st.text("abz019_-", min_size=1, max_size=4)
QUOTED = st.sampled_from(
    ['"a.b"', "'[#'", '"\\""', "''", '"\\\\"', '"#"', "'='", '"\\u6838"', "'\\'", '"核"']
)
LONG = st.sampled_from(
    ['"""\n"x" ""\\"""""""', "'''\n[a.b.c]\n'' # '''''", '""""""', "''''''", '"""\\\n  a\\\\"""']
)
KEYS = st.lists(BARE | QUOTED, min_size=1, max_size=MAX_DEPTH + 1).map(" . ".join)
SCALARS = (
    st.sampled_from(["true", "1", "-1.5e3", "0xff", "2026-11-23", "07:32:00.999", "inf", "1_000"])
    | QUOTED
    | LONG
)
NOISE = st.sampled_from(["", " ", ' # it\'s "so" [[{=,.', "\r\n"])
VALUES = st.recursive(
    SCALARS,
    lambda inner: (
        st.lists(inner, max_size=3).map(lambda v: "[\n" + ",#'\n".join(v) + "\n]")
        | st.lists(st.tuples(KEYS, inner), max_size=2).map(
            lambda rows: "{" + ", ".join(f"{key} = {value}" for key, value in rows) + "}"
        )
    ),
    max_leaves=6,
)
LINES = st.one_of(
    st.tuples(KEYS, VALUES, NOISE).map(lambda t: f"{t[0]} = {t[1]}{t[2]}"),
    KEYS.map(lambda key: f"[{key}]"),
    KEYS.map(lambda key: f"[[{key}]]"),
    NOISE,
)
DOCUMENTS = st.lists(LINES, max_size=8).map("\n".join)
CUT = st.tuples(
    DOCUMENTS, st.integers(0, 60), st.sampled_from(["", '"', "'", "\\", "]", "\n", "."])
)


def same_as_tomllib(text: str) -> None:
    """Both give the same table, or both refuse, or a bound is named."""
    try:
        expected = tomllib.loads(text)
    except ValueError:
        with pytest.raises(TomlError):
            read(text)
        return
    try:
        found = read(text)
    except TomlError as error:
        assert "nested more than" in str(error)
        return
    assert repr(found) == repr(expected)


@given(DOCUMENTS)
@settings(max_examples=300, deadline=None)
def test_documents_are_read_as_tomllib_reads_them(text: str) -> None:
    same_as_tomllib(text)


@given(CUT)
@settings(max_examples=300, deadline=None)
def test_broken_documents_too(cut: tuple[str, int, str]) -> None:
    text, at, put = cut
    same_as_tomllib(text[:at] + put + text[at + 1 :])


TABLES = st.recursive(
    st.dictionaries(st.text(max_size=4), st.text(max_size=6) | st.integers() | st.booleans(),
                    max_size=3),
    lambda inner: st.dictionaries(st.text(max_size=4), inner | st.lists(inner, max_size=2),
                                  max_size=3),
    max_leaves=4,
)  # fmt: skip


@given(TABLES)
@settings(max_examples=200, deadline=None)
def test_what_is_written_is_read_again(table: dict[str, object]) -> None:
    assert (
        parse_toml(to_toml(table).encode(), source="", max_bytes=MAX_BYTES, max_values=99) == table
    )


def test_what_has_no_place_in_toml_is_refused() -> None:
    with pytest.raises(TypeError):
        to_toml({"x": 1.5})
