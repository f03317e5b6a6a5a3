"""Exceptions as clients get them: a name, a text, and a traceback that begins at the user's code."""

import traceback

from osb_worker.bundle import clip

EVALUE_LIMIT = 64 * 1024
TRACEBACK_LIMIT = 512 * 1024


class StdinNotImplementedError(NotImplementedError):
    """input() was called: nobody is there to answer."""


class UsageError(Exception):
    """A magic was not used as it can be."""


def no_input(prompt="", *others, **named):
    raise StdinNotImplementedError("input() is not available: code in a context has no standard input")


def describe(error):
    """ename, evalue and traceback of an exception."""
    name = type(error).__name__
    try:
        value = str(error)
    except BaseException:
        value = "<no text: str() of the exception failed>"
    if name == "UsageError":  # ours or IPython's: what is wrong is all there is to say
        return {"ename": name, "evalue": clip(value, EVALUE_LIMIT), "traceback": ["UsageError: " + value]}
    try:
        lines = traceback.format_exception(type(error), error, user_frames(error.__traceback__))
    except BaseException:
        lines = ["%s: %s\n" % (name, value)]
    kept, room = [], TRACEBACK_LIMIT
    for line in "".join(lines).split("\n"):
        if len(line) > room:
            kept.append("[traceback cut]")
            break
        kept.append(line)
        room -= len(line)
    while kept and not kept[-1]:
        kept.pop()
    return {"ename": name, "evalue": clip(value, EVALUE_LIMIT), "traceback": kept}


def user_frames(trace):
    """The traceback from the first frame of a cell on; without one, from behind the frames of ours."""
    at = trace
    while at is not None:
        if at.tb_frame.f_code.co_filename.startswith("<cell "):
            return at
        at = at.tb_next
    while trace is not None and trace.tb_frame.f_code.co_filename.startswith("<osb worker "):
        trace = trace.tb_next
    return trace
