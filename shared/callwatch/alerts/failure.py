"""The one error of a delivery."""


class DeliveryFailed(Exception):
    """A notification did not get through; `is_permanent`: no retry helps; `retry_after_s`: what the receiver asked for."""

    def __init__(self, message: str, is_permanent: bool = False, retry_after_s: float | None = None) -> None:
        super().__init__(message)
        self.is_permanent = is_permanent
        self.retry_after_s = retry_after_s
