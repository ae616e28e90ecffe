"""The content of an old version, or of the one that is held and was damaged, made live again."""

from collections.abc import Iterator

from hadelect.core.versions import Line
from hadelect.replication.catalog import Row, Taken
from hadelect.replication.draft import Draft
from hadelect.replication.manifest import DIGEST, BlockRef
from hadelect.replication.shadow import Fill, Shadow
from hadelect.replication.snapshot import LineOf
from hadelect.replication.stock import Stock
from hadelect.replication.switch import Switch


def again(stock: Stock, old: Taken, line_of: LineOf) -> Line:
    """As a new version. The lock is the caller's. Raises GoneError, OSError."""
    with stock.catalog.change():
        draft = Draft(stock.catalog)
        draft.back_to(old.id)
        line = line_of(draft.digest())
        draft.name(line)
        shadow = _begun(stock, draft.number)
    _made_live(stock, shadow, old.id)
    return line


def repaired(stock: Stock, held: Taken) -> None:
    """The version that is held, from what the shadow, the packs and the live files have of it."""
    with stock.catalog.change():
        shadow = _begun(stock, held.id)
    _made_live(stock, shadow, held.id)


def _begun(stock: Stock, number: int) -> Shadow:
    stock.reader.forget()
    shadow = Shadow(stock.catalog, stock.roots, number)
    shadow.survey()
    shadow.preserve(stock.packs)
    return shadow


def _made_live(stock: Stock, shadow: Shadow, source: int) -> None:
    shadow.patch(_blocks_of(stock, source))
    with stock.catalog.change():
        shadow.finish()
        stock.catalog.finish(shadow.number, (shadow.side,))
    stock.reader.forget()
    Switch(stock.catalog, stock.roots).begin()


def _blocks_of(stock: Stock, source: int) -> Fill:
    def fill(row: Row, first: int, wanted: bytes) -> Iterator[tuple[int, bytes]]:
        stock.reader.forget_files()
        ref = BlockRef(row.root, row.path, first, len(wanted) // DIGEST)
        yield first, stock.reader.read(source, ref)

    return fill
