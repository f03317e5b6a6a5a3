"""File modes as people write them.

On the wire a mode is a number whose decimal digits look octal: 644 means rw-r--r--. Programs also pass octal literals, and
`0o644` reaches us as the number 420. Read as digits, 420 would be r---w----, which nobody wants, so numbers that make sense only as
the value of an octal literal are taken for one:

* a number with a digit 8 or 9 cannot be digits: 493 is `0o755`, 384 is `0o600`, 438 is `0o666`;
* of those that could be both, these common literals win: `0o644`, `0o640`, `0o777`, `0o770`, `0o664`, `0o660`, `0o400`, `0o500`,
  `0o550`, `0o555`. What their values would mean as digits gives others more than the owner.

So `mode=644` and `mode=0o644` do the same. To set one of the odd modes themselves (r---w---- and the like), run chmod.
"""

from __future__ import annotations

_LITERALS = (0o644, 0o640, 0o777, 0o770, 0o664, 0o660, 0o400, 0o500, 0o550, 0o555)


def mode_digits(mode: int) -> int:
    """The number that goes over the wire.

    Args:
        mode: digits that look octal (644), or the value of an octal literal (0o644).

    Raises:
        ValueError: for a negative number, or one that is no mode in either reading.

    Example:
        >>> from opensandbox.modes import mode_digits
        >>> mode_digits(644), mode_digits(0o644), mode_digits(0o755), mode_digits(1777)
        (644, 644, 755, 1777)
    """
    if mode < 0:
        raise ValueError(f"a file mode is not negative: {mode}")
    text = str(mode)
    if mode in _LITERALS or "8" in text or "9" in text:
        if mode > 0o7777:
            raise ValueError(f"not a file mode: {mode}")
        return int(f"{mode:o}")
    if len(text) > 4:
        raise ValueError(f"not a file mode: {mode}")
    return mode
