"""Tests of the HTML door, a file per screen; Mallory is in every one."""
