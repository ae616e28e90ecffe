"""HTCondor's configuration language, construct by construct, and that nothing crashes it."""

import contextlib
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hadelect.config.findings import Refused
from hadelect.config.language import Language
from hadelect.config.macros import Macros

FILE = Path("/etc/hadelect/hadelect.conf")


def read(text: str, files: dict[str, str] | None = None, **environ: str) -> Language:
    """The text as if it stood in FILE, with `files` beside it."""
    beside = {FILE.parent / name: content for name, content in (files or {}).items()}

    def read_text(path: Path) -> str:
        if path not in beside:
            raise FileNotFoundError(path)
        return beside[path]

    language = Language(Macros(environ, {"sbin": "/usr/sbin"}), read_text)
    language.read_lines(text, FILE)
    return language


def value(text: str, name: str = "X", **environ: str) -> str:
    language = read(text, None, **environ)
    assert not language.errors
    return language.macros.expand(f"$({name})")


def errors(text: str, files: dict[str, str] | None = None) -> list[str]:
    return [str(finding) for finding in read(text, files).errors]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("X = 1", "1"),
        ("X=1", "1"),
        ("  X   =   1  ", "1"),
        ("x = 1", "1"),
        ("X = 1\r\nY = 2\r\n", "1"),
        ("X = 1\nX = 2", "2"),
        ("# X = 1\nX = 2", "2"),
        ("X = a = b", "a = b"),
        ("X = a # b", "a # b"),
        ("X =", ""),
        ("X = a \\\nb", "a b"),
        ("X = a\\\n   b", "ab"),
        ("X = a \\\n# no\nb", "a b"),
        ("X = a \\\n# no \\\nb", "a b"),
        ("X = a \\\n\nY = b", "a"),
        ("X = a \\", "a"),
        ("# a \\\nX = b", "b"),
        ("A = 1\nX = $(A)\nA = 2", "2"),
        ("A = 1\nA = $(A)2\nA = $(a)3\nX = $(A)", "123"),
        ("X = $(X:5)", "5"),
        ("X = $(MISSING)", ""),
        ("X = $(MISSING:a b)", "a b"),
        ("A =\nX = $(A:5)", "5"),
        ("A = 7\nX = $(A:5)", "7"),
        ("A = 7\nX = $(B:$(A))", "7"),
        ("A = 7\nX = $(A )", "7"),
        ("X = $(SBIN)/had", "/usr/sbin/had"),
        ("SBIN = /opt\nX = $(SBIN)/had", "/opt/had"),
        ("X = $(DOLLAR)5", "$5"),
        ("X = $5", "$5"),
        ("A = 1\nX = $$(A)", "$$(A)"),
        ("X = $ENV(HOME)", "/root"),
        ("X = $ENV(NONE:x)", "x"),
        ("X = $ENV(HOME:x)", "/root"),
        ("X = 1\nHAD.X = 2", "2"),
        ("HAD.X = 2\nX = 1", "2"),
        ("X = 1\nMASTER.X = 2", "1"),
        ("X @=end\na\n  b\n@end\nY = 1", "a\n  b"),
        ("[section]\nX = 1", "1"),
        ("if true\nX = 1\nelse\nX = 2\nendif", "1"),
        ("if false\nX = 1\nelse\nX = 2\nendif", "2"),
        ("if ! false\nX = 1\nendif", "1"),
        ("if !defined A\nX = 1\nendif", "1"),
        ("A = 1\nif defined A\nX = 1\nelse\nX = 2\nendif", "1"),
        ("A =\nif defined A\nX = 1\nelse\nX = 2\nendif", "2"),
        ("A = yes\nif $(A)\nX = 1\nendif", "1"),
        ("X = 3\nif $(MISSING)\nX = 1\nendif", "3"),
        ("if 0\nX = 1\nelif T\nX = 2\nelif true\nX = 3\nelse\nX = 4\nendif", "2"),
        ("if f\nX = 1\nelif no\nX = 2\nelse\nX = 4\nendif", "4"),
        ("IF True\nX = 1\nENDIF", "1"),
        ("if false\nif true\nX = 1\nelse\nX = 2\nendif\nelse\nX = 3\nendif", "3"),
        ("if true\nif false\nX = 1\nelse\nX = 2\nendif\nendif", "2"),
        ("if false\nuse ROLE : Execute\nnonsense\nendif\nX = 1", "1"),
        ("use = 3\nX = $(use)", "3"),
        ("if = 3\nX = $(if)", "3"),
    ],
)
def test_values(text: str, expected: str) -> None:
    """Each construct means what HTCondor's manual says."""
    assert value(text, HOME="/root") == expected


@pytest.mark.parametrize(
    ("text", "line", "said"),
    [
        ("\nuse ROLE : Execute", 2, "condor_config_val use ROLE:Execute"),
        ("@use FEATURE:GPUs", 1, "templates are not understood"),
        ("if version >= 9.0\nendif", 1, "version"),
        ("if maybe\nX = 1\nendif", 1, "neither true nor false"),
        ("if true\nX = 1", 1, "add endif"),
        ("X = 1\nendif", 2, "endif without if"),
        ("else", 1, "else without if"),
        ("elif true", 1, "elif without if"),
        ("if true\nelse\nelse\nendif", 3, "else after else"),
        ("if true\nelse\nelif true\nendif", 3, "elif after else"),
        ("nonsense", 1, "write NAME = value"),
        ("1X = 3", 1, "write NAME = value"),
        ("include : missing.conf", 1, "/etc/hadelect/missing.conf does not exist"),
        ("include :", 1, "names no file"),
        ("include : $(A", 1, "not closed"),
        ("include : /bin/ls |", 1, "commands are not run"),
        ("include command : /bin/ls", 1, "commands are not run"),
        ("include : loop.conf", 1, "include each other"),
        ("error : no way", 1, "error: no way"),
        ("if defined $RANDOM(1)\nendif", 1, "$RANDOM() is not understood"),
    ],
)
def test_errors(text: str, line: int, said: str) -> None:
    """What is not understood is one line that names file, line and remedy."""
    found = errors(text, {"loop.conf": "include : loop.conf"})
    assert len(found) == 1
    assert said in found[0]
    where = FILE if "loop" not in text else FILE.parent / "loop.conf"
    assert found[0].startswith(f"{where}:{line}: ")


def test_all_errors_come_at_once() -> None:
    """Reading goes on after an error: the administrator mends all of them in one go."""
    assert [line.split(":")[1] for line in errors("a\nX = 1\nuse A : B\nb")] == ["1", "3", "4"]


def test_include() -> None:
    """An included file stands where it is included, relative to the file that says so."""
    language = read(
        "X = 1\ninclude : sub/a.conf\ninclude ifexist : none\nY = $(X)\n",
        {"sub/a.conf": "X = 2\ninclude : b.conf\n", "sub/b.conf": "Z = $(X)\n"},
    )
    assert not language.errors
    assert [language.macros.expand(f"$({name})") for name in "XYZ"] == ["2", "2", "2"]


def test_include_of_what_cannot_be_read(tmp_path: Path) -> None:
    """A directory, or bytes that are no text: an error of the line that includes it."""
    main = tmp_path / "main.conf"
    main.write_text(f"X = 1\ninclude : {tmp_path}\ninclude : a\0b\n")
    language = Language(Macros({}))
    language.read(main)
    first, second = map(str, language.errors)
    assert first.startswith(f"{main}:2: ")
    assert "cannot be read (Is a directory)" in first
    assert second.startswith(f"{main}:3: ")
    assert "\0" not in second


def test_include_of_a_computed_name() -> None:
    """The name of an included file may be made of what was defined before."""
    language = read("D = sub\n@INCLUDE : $(D)/a.conf", {"sub/a.conf": "X = 2"})
    assert not language.errors
    assert language.macros.expand("$(X)") == "2"


def test_warning_statement() -> None:
    """`warning :` is said and stops nothing."""
    language = read("A = 5\nwarning : A is $(A)")
    assert [str(item) for item in language.warnings] == [f"{FILE}:2: warning: A is 5"]
    assert not language.errors


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("A = $(B)\nB = $(A)\nX = $(A)", "leads back to itself"),
        ("X = $RANDOM_CHOICE(1,2)", "$RANDOM_CHOICE() is not understood"),
        ("X = $ENV(NONE)", "the environment has no NONE"),
        ("X = $(a b)", "names no variable"),
        ("X = $(A", "not closed"),
        ("\n".join(f"A{i} = $(A{i + 1})$(A{i + 1})" for i in range(30)) + "\nX = $(A0)", "expands"),
    ],
)
def test_expansion_ends(text: str, said: str) -> None:
    """What cannot be expanded is refused with the reason; it neither hangs nor explodes."""
    language = read(text)
    assert not language.errors
    with pytest.raises(
        Refused, match=said.replace("(", r"\(").replace(")", r"\)").replace("$", r"\$")
    ):
        language.macros.expand("$(X)")


def test_self_reference_cannot_grow_for_ever() -> None:
    """A value that doubles itself on every line is refused at some line."""
    assert "longer than" in errors("X = aaaaaaaa\n" + "X = $(X)$(X)\n" * 40)[0]


WORDS = st.sampled_from(
    [
        *("X", "Y", "=", "$(X)", "$(Y:z)", "$(", ")", "$ENV(HOME)", "$ENV(", "$$", "$F("),
        *("if", "elif", "else", "endif", "defined", "version", "true", "!", "include", "use"),
        *("error", "warning", "@=", "@end", "@", "[", "#", "\\", "\n", " ", ":", "a.conf"),
        *("\r", "\0", "\x0b", "é", "\udcff"),
    ]
)


@given(st.lists(WORDS, max_size=60).map("".join) | st.text(max_size=200))
def test_nothing_crashes_the_language(text: str) -> None:
    """Any text becomes definitions and findings; expanding any of them ends or is refused."""
    language = read(text, {"a.conf": text}, HOME="/root")
    for finding in (*language.errors, *language.warnings):
        assert "\n" not in str(finding)
    for definition in language.macros.definitions():
        with contextlib.suppress(Refused):
            language.macros.expand(definition.text)


NAMES = st.from_regex(r"[A-Za-z_][A-Za-z0-9_]{0,8}", fullmatch=True).filter(
    lambda name: name.lower() not in {"dollar", "sbin"}
)
PLAIN = st.text(st.characters(codec="ascii", exclude_characters="$\\\r\n\0", min_codepoint=32))


@given(NAMES, PLAIN)
def test_plain_values_come_back(name: str, text: str) -> None:
    r"""A value without `$` and `\` is what was written, less the blanks around it."""
    assert value(f"{name} = {text}", name) == text.strip()
