"""One member as it runs: its driver, its ports, its disk."""

import os

# Here, because whatever imports gRPC in this package has come by here first.
os.environ.setdefault("GRPC_ENABLE_FORK_SUPPORT", "0")  # Its handlers crash forked children.
os.environ.setdefault("GRPC_VERBOSITY", "NONE")  # Junk from strangers is counted, not printed.
