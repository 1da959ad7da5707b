"""Times at which something can have been measured."""

from datetime import UTC, datetime, timedelta

from dnnbench.core.errors import UserError

# The study is of 2018: an earlier date is that of a clock that was never set.
_EARLIEST = datetime(2018, 1, 1, tzinfo=UTC)
_CLOCKS_APART = timedelta(days=1)


def check_time(where: str, moment: datetime, remedy: str) -> None:
    """Raise UserError where nothing can have been measured at ``moment``."""
    if not _EARLIEST <= moment <= datetime.now(UTC) + _CLOCKS_APART:
        shown = moment.isoformat(timespec="minutes")
        raise UserError(f"{where}: {shown}: was the machine's clock set? {remedy}")
