"""The fault matrix: the rows, their tests, their traces and the page agree."""

import json
import subprocess
import sys
from collections import Counter
from pathlib import Path

import pytest

from tests.e2e.fault_page import TRACES
from tests.e2e.fault_rows import SECTIONS
from tests.e2e.faults import REMARKS

ROOT = Path(__file__).parent.parent
ROWS = [row for _, rows in SECTIONS for row in rows]
# In a process of its own: pytest does not collect within pytest.
ASK = """
import json
from tests.e2e.fault_page import collected, page
found = collected()
rows = {key: sorted(proof.modes) for key, proof in found.proofs.items()}
proving = sorted(name for proof in found.proofs.values() for name in proof.tests)
print(json.dumps([rows, sorted(found.unmarked), proving, page(found.proofs)]))
"""
# What stands beside faults and is none: interfaces, and mistakes that the start itself refuses.
NO_FAULT = {
    "test_bad_input.py::test_a_malformed_file_is_refused",
    "test_bad_input.py::test_a_missing_file_is_refused",
    "test_bad_input.py::test_a_port_in_use",
    "test_bad_input.py::test_a_wrong_setting_is_refused",
    "test_bad_input.py::test_all_errors_at_once",
    "test_bad_input.py::test_an_unknown_name_is_a_warning_with_the_nearest",
    "test_bad_input.py::test_the_http_port_in_use",
    "test_external.py::test_majority_needs_a_sure_way",
    "test_junk.py::test_http_answers_nonsense_with_a_refusal",
    "test_misfits.py::test_reset_membership_takes_the_new_list",
    "test_operators.py::test_status_and_leader_tell_the_pool",
    "test_operators.py::test_status_with_two_of_three_down",
}


# Keys and their modes, stories without a key, stories with one, the page.
Found = tuple[dict[str, list[str]], list[str], list[str], str]


@pytest.fixture(scope="module")
def found() -> Found:
    said = subprocess.run(
        [sys.executable, "-c", ASK], cwd=ROOT, capture_output=True, text=True, check=True
    )
    rows, unmarked, proving, page = json.loads(said.stdout)
    return rows, unmarked, proving, page


def test_every_row_has_its_test_and_every_test_its_row(found: Found) -> None:
    """A row without a test is a promise nobody keeps; a key without a row is read by nobody."""
    keys = Counter(row.key for row in ROWS)
    assert max(keys.values()) == 1, "a key names one row"
    assert set(found[0]) == set(keys)
    of_faults = {name.split("::")[0] for name in found[2]}
    unmarked = {name for name in found[1] if name.split("::")[0] in of_faults}
    assert unmarked == NO_FAULT, "@proves(key) names the row; or it is no fault, then list it here"


def test_every_proof_says_its_mode(found: Found) -> None:
    """The page says in which modes a row was proved."""
    assert {mode for modes in found[0].values() for mode in modes} == {"none", "majority"}


def test_every_trace_exists() -> None:
    """A row can be replayed in the simulator, or says why not."""
    for row in ROWS:
        simulated = not row.trace.startswith(REMARKS)
        assert not simulated or (TRACES / f"{row.trace}.trace").is_file(), row


def test_the_page_is_current(found: Found) -> None:
    """docs/faults.md is what `make docs` writes."""
    assert (ROOT / "docs" / "faults.md").read_text() == found[3], "make docs"
