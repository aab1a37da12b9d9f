"""How numbers and dates are written in each language: the same in all of them.

Django would put a comma into the value of a number field and turn the date of a date field round,
and no browser reads either. A language that joins gets a package here.
"""
