"""Errors that are shown to the user as one line, without a traceback."""


class UserError(ValueError):
    """An error that the user can fix.

    The message is one line that names the file, the key, the value and the fix.
    """


class DeviceError(UserError):
    """A device that cannot be measured.

    It ends the run, even if a child process raises it.
    """
