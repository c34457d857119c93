"""Images from and to registries: the client side of the OCI distribution specification 1.1 and of Docker's registry API.

What decides is pure (``origin``, ``endpoint``, ``challenge``, ``token``, ``redirect``, ``retry``, ``answer``, ``links``,
``choice``); what talks is ``transport`` < ``client`` < ``repository`` | ``download`` | ``upload`` < ``registries``.
"""
