"""Says in good time that the certificate ends: in the log, once for every day that is left."""

import asyncio
import time
from collections.abc import Callable

from hadelect.runtime.certificate import expiry_warning
from hadelect.runtime.channels import Credentials

LOOK_SECONDS = 3600.0


def warning(tls: Credentials | None) -> str:
    """For `status`; "" = nothing to say."""
    return expiry_warning(tls.expires_at, time.time()) if tls is not None else ""


async def watch(
    tls: Credentials | None, warn: Callable[[str], None], pause_seconds: float = LOOK_SECONDS
) -> None:
    """Until cancelled. The wall clock may be put forward: it is looked at every hour."""
    said = ""
    while tls is not None:
        text = warning(tls)
        if text and text != said:
            warn(text)
        said = text
        await asyncio.sleep(pause_seconds)
