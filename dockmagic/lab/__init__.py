"""Comms between the kernel and front ends: ``docs/lab-protocol.md`` is the contract.

Loading the extension imports :mod:`dockmagic.lab.lab` alone; the rest is imported when a front end asks.
"""
