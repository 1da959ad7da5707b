"""Plausibility check of the times of measurements."""

from datetime import UTC, datetime, timedelta

from dnnbench.core.errors import UserError

# The study dates from 2018, so an earlier date means that the clock was never set.
_EARLIEST = datetime(2018, 1, 1, tzinfo=UTC)
_CLOCKS_APART = timedelta(days=1)


def check_time(where: str, moment: datetime, remedy: str) -> None:
    """Raise UserError if ``moment`` cannot be the time of a measurement."""
    if not _EARLIEST <= moment <= datetime.now(UTC) + _CLOCKS_APART:
        shown = moment.isoformat(timespec="minutes")
        raise UserError(f"{where}: {shown}: implausible. Check the machine's clock. {remedy}")
