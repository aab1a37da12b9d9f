"""A door to consoles that runs by itself, on the hypervisor host: websockify with our rules.

It knows neither Django nor the database: the site says who may see what, over HTTPS.
"""
