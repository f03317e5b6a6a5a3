"""display(), update_display() and clear_output() of contexts in which IPython does not offer them."""

import os

from osb_worker import bundle

publisher = None  # the Context; None in a zygote, where nobody looks


class DisplayHandle:
    """A display that can be shown again in its place."""

    def __init__(self, display_id):
        self.display_id = display_id

    def __repr__(self):
        return "<DisplayHandle display_id=%s>" % self.display_id

    def display(self, value, **options):
        display(value, display_id=self.display_id, **options)

    def update(self, value, **options):
        update_display(value, display_id=self.display_id, **options)


def display(*values, raw=False, metadata=None, display_id=None, update=False, **unknown):
    """Shows values among the output. With raw=True they are dictionaries MIME type → data. With display_id (True: a
    new one) it returns a handle; with update=True it replaces what was shown under that id."""
    if display_id is True:
        display_id = os.urandom(16).hex()
    if display_id is None and update:
        raise TypeError("display_id required when update=True")
    for value in values:
        if raw:
            data, more = bundle.limited(bundle.as_texts(value)), {}
        else:
            data, more = bundle.mime_bundle(value)
        more = dict(more, **bundle.as_metadata(metadata))
        if publisher is not None:
            publisher.publish(data, more, display_id, update)
    return DisplayHandle(display_id) if display_id is not None else None


def update_display(value, *, display_id, **options):
    display(value, display_id=display_id, update=True, **options)


def clear_output(wait=False):
    """Asks for everything that the cell has shown to go; with wait=True when something new comes."""
    if publisher is not None:
        publisher.clear_output(wait)
