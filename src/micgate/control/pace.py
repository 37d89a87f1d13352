"""How long micgate waits for what. All in seconds."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Pace:
    """The defaults are the product's; tests shorten them."""

    confirm: float = 2.0
    """Without an event, read this long after a change was sent."""
    confirm_same: float = 0.5
    """The same when the value was already there: no event is to be expected."""
    again: tuple[float, ...] = (1.0, 3.0, 9.0)
    """Still not as wanted after a read: send again after these."""
    slow: float = 30.0
    """And then at this interval, for as long as it is wanted."""
    unreachable: float = 4.0
    """A give-back that the platform never got is tried at least this often."""
    alarm: float = 30.0
    """A mute not observed after this long is unconfirmed, however few attempts there were."""
    doubt: float = 15.0
    """A command not seen to take effect may still do so for this long."""
    deadline: float = 15.0
    """A command without an outcome is given up."""
    grace: float = 5.0
    """A give-back that takes longer raises an alert."""
    owner_grace: float = 60.0
    """A mute whose owner has not renewed it in time goes on for this long."""
    reasserts: int = 3
    """So often in `window` is a mute asserted again after somebody opened the microphone."""
    window: float = 60.0
    foreign: float = 60.0
    """Changes by others are recorded this long before and after an episode."""
    slow_mute: float = 2.0
    """A mute observed later than this is marked slow."""

    def after(self, tries: int) -> float:
        """The wait after so many attempts."""
        return self.again[tries - 1] if 0 < tries <= len(self.again) else self.slow

    def used_up(self, tries: int) -> bool:
        return tries > len(self.again)


PACE = Pace()
