"""The Python API: the verbs as functions, their asynchronous twins, and functions that run in a container."""
