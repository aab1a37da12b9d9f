"""Image files of unknown origin: what they are, what they hide, and how they are unpacked.

Knows files and addresses of downloads, no rows, no hosts. Refusals are `vms.problems.Problem`.
"""
