"""German texts, with the numbers and dates of all pages."""
