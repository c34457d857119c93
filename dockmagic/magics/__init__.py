"""The notebook's surface: ``%%container`` and ``%container``. Loaded by :mod:`dockmagic.magics.extension`."""
