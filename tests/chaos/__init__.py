"""Faults at random, drawn from a seed, while windows come and go and clients ask.

Every answer of every application process is compared with an oracle that knows what was written
and when each write was acknowledged: `python -m tests.chaos`.
"""
