"""Ports that every sandbox has."""

DEFAULT_EXECD_PORT = 44772
"""The daemon that runs commands and moves files."""

DEFAULT_EGRESS_PORT = 18080
"""What enforces the network policy and keeps credentials."""
