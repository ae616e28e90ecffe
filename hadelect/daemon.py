"""The daemon: `python -m hadelect.daemon ARGS`, child of the supervisor. Here everything meets.

Law 1: whatever an operator must put right stops the start: all of it at once, one line each, 78.
Law 2: our own bug ends the process at once; the supervisor makes that safe.
Law 3: no file and no resolver is touched by the loop once it runs.
"""

import sys

from hadelect.config.findings import ConfigError
from hadelect.config.load import load
from hadelect.runtime.arguments import Arguments, UsageError, parse

CONFIGURATION = 78  # EX_CONFIG


def main(argv: list[str]) -> int:
    """The exit code; does not return once the member runs (hung threads must not hold it up)."""
    try:
        arguments = parse(argv)
        config = load(
            arguments.config, arguments.sets, port=arguments.port, member=arguments.member
        )
    except UsageError as error:
        return refuse(str(error))
    except ConfigError as error:
        return refuse(*error.problems)
    return begin(arguments, config)


def begin(arguments: Arguments, config: object) -> int:
    ...
