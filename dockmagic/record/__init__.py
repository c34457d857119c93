"""The record of a result: text, HTML and JSON that are the same on every machine. See :mod:`dockmagic.record.bundle`."""
