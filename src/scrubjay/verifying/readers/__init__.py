"""Readers of documents: the module of a document's name has its reader, `check`.

None shares code with what writes the document.
"""
