"""The console script ``dockmagic``: the verbs of ``%container`` for a shell, a CI job and ``binder/postBuild``."""
