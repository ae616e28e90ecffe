"""The fast `replace` is dataclasses.replace."""

import dataclasses

from hadelect.core.frozen import replace
from hadelect.core.state import Known, PeerView
from hadelect.core.vocabulary import Leadership, Millis, Name, Term


def test_replace_is_dataclasses_replace() -> None:
    """For values with and without slots; the old value stays as it was."""
    view = PeerView(Name("cm1:1"))
    assert replace(view, heard_at=Millis(5)) == dataclasses.replace(view, heard_at=Millis(5))
    assert view.heard_at < 0
    known = Known(Leadership(Term(1), Name("cm1:1")), "a")
    assert replace(known, secret_hash="b") == dataclasses.replace(known, secret_hash="b")
    assert hash(replace(view)) == hash(view)
