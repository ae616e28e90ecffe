"""`python -m hadelect.supervisor -- ARGS`: what `hadelect had ARGS` becomes (see supervisor.py)."""

import hadelect.supervisor.lean  # noqa: F401 - what follows would load OpenSSL

# isort: split
import gc
import sys

from hadelect.supervisor.linux import name_process
from hadelect.supervisor.supervisor import main

if __name__ == "__main__":
    name_process("hadelect-superv")
    gc.freeze()  # The init is a fork: what is never collected stays shared with it.
    sys.exit(main(sys.argv[2:] if sys.argv[1:2] == ["--"] else sys.argv[1:]))
