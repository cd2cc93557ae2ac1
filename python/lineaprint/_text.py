"""Text that can be sent."""

from _lineaprint._errors import argument


def text(place: str, value: str) -> str:
    """Return a string that can be encoded as UTF-8. File names may not be encodable."""
    try:
        value.encode("utf-8")
    except UnicodeEncodeError as error:
        raise argument("%s is not Unicode: %.200r" % (place, value)) from error
    return value
