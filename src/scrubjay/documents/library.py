"""The page of a whole library: one HTML file that opens from disk, with no network."""

from scrubjay.documents.html import in_html, in_script, own_file, written

__all__ = ["library_page"]


def library_page(library_json: bytes, *, title: str) -> bytes:
    """Write the page that shows every film of a library.

    Args:
        library_json: `library.json`, UTF-8. The page contains it.
        title: the heading, plain text; usually the name of the library's folder.

    Returns:
        The HTML document, UTF-8.
    """
    values = {"title": in_html(title), "library": in_script(library_json)}
    return written(own_file("library.html"), values)
