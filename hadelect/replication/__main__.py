"""`python -m hadelect.replication`: what `hadelect replication` becomes."""

import sys

from hadelect.core.replication import policy
from hadelect.replication.process import main

main(sys.argv[1:], policy)
