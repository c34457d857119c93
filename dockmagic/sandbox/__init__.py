"""Containers: what a host allows, the walls, and the processes inside."""

from __future__ import annotations
