"""How a Hydra callback ends a command before Hydra writes anything."""


class Refused(BaseException):
    """Ends Hydra before it writes; not an Exception, which Hydra would only warn of.

    Attributes:
        error: why.
    """

    def __init__(self, error: Exception) -> None:
        """Carry the error to `nnrep.commands.hydra_app.run_app`."""
        super().__init__()
        self.error = error
