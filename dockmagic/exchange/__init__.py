"""Python values as files of a container, and what a container wrote as values again: by value, never pickled."""
