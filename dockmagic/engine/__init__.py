"""The façade with docker's verbs: one module a verb, all on one :class:`~dockmagic.engine.session.Session`."""
