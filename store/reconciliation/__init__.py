"""Comparing grants, ledger and a provider's book, and repairing what differs."""
