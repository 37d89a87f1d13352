"""What ends a run."""


class Broken(BaseException):
    """An invariant does not hold. `number` is the design's; 0: something that is never right.

    No `except Exception` of the code under test may swallow it.
    """

    def __init__(self, number: int, what: str) -> None:
        super().__init__(f"invariant {number}: {what}")
        self.number = number
