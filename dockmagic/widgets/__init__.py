"""The widget: four views over one view model.

Everything here works on values: nothing asks a store, a builder or a registry. What has to be looked up comes from a
:class:`dockmagic.widgets.explorer.Source`, which :mod:`dockmagic.lab` binds to the engine. ``docs/widget.md`` shows the views.
"""
