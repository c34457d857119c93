"""Changesets as tars and as directories, and look-ups through a stack of them; runs in jobs, see ``owner``."""
