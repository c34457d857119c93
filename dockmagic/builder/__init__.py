"""From Dockerfile text to an image in the store: plan (pure), steps, events; see ``docs/build.md``."""
