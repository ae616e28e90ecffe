"""A history is read whatever became of it."""

import json
from pathlib import Path

from hadelect.runtime.archive import excerpt
from hadelect.runtime.history import History


def entry(number: int) -> dict[str, object]:
    return {
        "time": f"2026-01-01T10:{number:02}:00.000Z",
        "member": "cm1:1",
        "term": number,
        "role": "PASSIVE",
        "was": None,
        "because": "x",
    }


def terms(lines: tuple[str, ...]) -> list[int]:
    return [json.loads(line)["term"] for line in lines]


def test_an_earlier_life_that_died_in_a_line_costs_that_line_only(tmp_path: Path) -> None:
    """The next life begins a line of its own."""
    path = tmp_path / "history"
    path.write_text(json.dumps(entry(1)) + "\n" + '{"time": "2026')
    history = History(path, 4_000_000)
    history.append(entry(2))
    history.close()
    found = excerpt(path)
    assert (terms(found.lines), found.damaged, found.half_written) == ([1, 2], 1, False)


def test_the_bound_is_kept_by_rotation(tmp_path: Path) -> None:
    """Two files, each below the bound; a reader in the middle misses nothing that is kept."""
    path = tmp_path / "history"
    history = History(path, 1000)
    for number in range(20):
        history.append(entry(number))
    history.close()
    sizes = [path.stat().st_size, path.with_name("history.old").stat().st_size]
    assert all(0 < size <= 1000 for size in sizes)
    seen, cursor = [], ""
    while True:
        found = excerpt(path, cursor, limit=200)
        seen += terms(found.lines)
        cursor = found.cursor
        if not found.more:
            break
    assert seen == list(range(seen[0], 20))
    assert len(seen) > 10


def test_since_skips_no_line_that_is_wanted(tmp_path: Path) -> None:
    """Pieces of the rotated file in which nothing is new enough are gone through, not past."""
    path = tmp_path / "history"
    old = "".join(json.dumps(entry(number)) + "\n" for number in range(20))
    path.with_name("history.old").write_text(old)
    path.write_text(json.dumps(entry(20)) + "\n")
    seen, cursor, more = [], "", True
    while more:
        found = excerpt(path, cursor, since="2026-01-01T10:15", limit=300)
        seen += terms(found.lines)
        cursor, more = found.cursor, found.more
    assert seen == [15, 16, 17, 18, 19, 20]


def test_a_cursor_of_another_file_begins_anew(tmp_path: Path) -> None:
    """Nonsense, a file that was removed, a file that was emptied."""
    path = tmp_path / "history"
    path.write_text(json.dumps(entry(1)) + "\n")
    inode = path.stat().st_ino
    for cursor in ("nonsense", "1:2:3", "5:7", f"{inode}:9999"):
        assert terms(excerpt(path, cursor).lines) == [1]
    assert excerpt(tmp_path / "absent", "5:7").cursor == "5:7"


def test_a_line_longer_than_any_of_ours_is_damage(tmp_path: Path) -> None:
    """Binary junk of any size is skipped piece by piece."""
    path = tmp_path / "history"
    path.write_bytes(b"x" * 1000 + b"\n" + json.dumps(entry(1)).encode() + b"\n")
    seen, damaged, cursor = [], 0, ""
    for _ in range(20):
        found = excerpt(path, cursor, limit=300)
        seen += terms(found.lines)
        damaged += found.damaged
        cursor = found.cursor
    assert seen == [1]
    assert damaged > 0
