"""The kinds of error that a person is shown as a line, without a traceback."""


class UserError(ValueError):
    """A mistake that the person who runs dnnbench can correct.

    Its message is one line that names the file, the key, the value and the remedy.
    """


class DeviceError(UserError):
    """The device cannot be measured: it ends the run, also when a measuring child raises it."""
