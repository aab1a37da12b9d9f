"""The time door: what happens without anybody asking. Watches hosts, samples them, and runs jobs.

Reads through hypervisor/, writes through services/ as the system itself.
"""
